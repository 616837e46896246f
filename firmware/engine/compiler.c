/* JavaScript module source to XS bytecode (.xsb), without a machine: XS's own parser and coder.
 *
 * Only the compiler's WebAssembly module carries this file; boards have no parser. The result is XS's atom format
 * plus a MAPS atom with the line table that board.c reads. Uses XS's internal headers (LGPLv3 or later). */

#include "xsAll.h"
#include "xsScript.h"
#include "services.h"

enum { PARSER_BUFFER = 1024 * 1024, SYMBOL_MODULO = 1993, MESSAGE_BYTES = 256 };

static struct {
	txU1* lines;
	txSize linesSize;
	txSize linesCapacity;
	txInteger lastOffset;
	txInteger lastLine;
	txParser* parser;
	const txU1* source;
	txSize sourceSize;
	txSize sourceOffset;
	/* the first error: line, offset of the reader in the source, text */
	txInteger errorLine;
	txInteger errorOffset;
	char message[MESSAGE_BYTES];
} compiler;

static txInteger result[4];

/* XS's machine functions are linked in but never run here: there is no machine to allocate for. */
void fxAbort(txMachine* the, int status) { __builtin_trap(); }
void* fxAllocateChunks(txMachine* the, txSize size) { return C_NULL; }
void fxFreeChunks(txMachine* the, void* chunks) {}
txSlot* fxAllocateSlots(txMachine* the, txSize count) { return C_NULL; }
void fxFreeSlots(txMachine* the, void* slots) {}
void fxCreateMachinePlatform(txMachine* the) {}
void fxDeleteMachinePlatform(txMachine* the) {}
void fxQueuePromiseJobs(txMachine* the) {}
void fxLoadModule(txMachine* the, txSlot* module, txID moduleID) {}
txID fxFindModule(txMachine* the, txSlot* realm, txID moduleID, txSlot* slot) { return XS_NO_ID; }
txScript* fxParseScript(txMachine* the, void* stream, txGetter getter, txUnsigned flags) { return C_NULL; }
txID fxGodwitPosition(txMachine* the, txByte* code, txInteger* line) { return XS_NO_ID; }

static void addVarint(txU4 value)
{
	if (compiler.linesSize + 5 > compiler.linesCapacity) {
		compiler.linesCapacity = compiler.linesCapacity * 2 + 1024;
		compiler.lines = realloc(compiler.lines, compiler.linesCapacity);
	}
	while (value >= 0x80) {
		compiler.lines[compiler.linesSize++] = (txU1)(value | 0x80);
		value >>= 7;
	}
	compiler.lines[compiler.linesSize++] = (txU1)value;
}

/* Called by the coder for every bytecode, in order of offsets. */
void fxGodwitLine(txInteger offset, txInteger line)
{
	if ((line <= 0) || (line == compiler.lastLine))
		return;
	txInteger delta = line - compiler.lastLine;
	addVarint((txU4)(offset - compiler.lastOffset));
	addVarint(((txU4)delta << 1) ^ (txU4)(delta >> 31));
	compiler.lastOffset = offset;
	compiler.lastLine = line;
}

static int nextByte(void* stream)
{
	return (compiler.sourceOffset < compiler.sourceSize) ? compiler.source[compiler.sourceOffset++] : C_EOF;
}

/* Without a console XS would go on after an error, into a tree it cannot handle: the first mistake ends the run. */
static void onError(void* console, txString path, txInteger line, txString format, c_va_list arguments)
{
	vsnprintf(compiler.message, MESSAGE_BYTES, format, arguments);
	compiler.errorLine = line;
	compiler.errorOffset = compiler.sourceOffset;
	c_longjmp(compiler.parser->firstJump->jmp_buf, 1);
}

static void onWarning(void* console, txString path, txInteger line, txString format, c_va_list arguments)
{
}

static txU1* addAtom(txU1* p, txU4 type, const void* bytes, txSize size)
{
	txU4 length = (txU4)size + 8;
	for (int shift = 24; shift >= 0; shift -= 8)
		*p++ = (txU1)(length >> shift);
	for (int shift = 24; shift >= 0; shift -= 8)
		*p++ = (txU1)(type >> shift);
	if (bytes)
		memcpy(p, bytes, size);
	return bytes ? p + size : p;
}

static txU1* pack(txScript* script, txSize* size)
{
	static const txU1 version[4] = { XS_MAJOR_VERSION, XS_MINOR_VERSION, XS_PATCH_VERSION, 0 };
	txSize body = 4 * 8 + (txSize)sizeof(version) + script->symbolsSize + script->codeSize + compiler.linesSize;
	txU1* bytes = malloc(body + 8);
	if (!bytes)
		return NULL;
	*size = body + 8;
	txU1* p = addAtom(bytes, XS_ATOM_BINARY, NULL, body);
	p = addAtom(p, XS_ATOM_VERSION, version, sizeof(version));
	p = addAtom(p, XS_ATOM_SYMBOLS, script->symbolsBuffer, script->symbolsSize);
	p = addAtom(p, XS_ATOM_CODE, script->codeBuffer, script->codeSize);
	addAtom(p, XS_ATOM_MAPS, compiler.lines ? compiler.lines : version, compiler.linesSize);
	return bytes;
}

/* Returns four integers: bytes (0 on error) and their size, or the line and reader offset of the first error. */
EXPORT("compile") txInteger* compile(const txU1* source, txSize size, txString path)
{
	txParser parserRecord;
	txParser* parser = &parserRecord;
	txParserJump jump;
	txScript* script = NULL;
	memset(&result, 0, sizeof(result));
	compiler.linesSize = 0;
	compiler.lastOffset = compiler.lastLine = 0;
	compiler.source = source;
	compiler.sourceSize = size;
	compiler.sourceOffset = 0;
	compiler.message[0] = 0;
	fxInitializeParser(parser, NULL, PARSER_BUFFER, SYMBOL_MODULO);
	compiler.parser = parser;
	parser->reportError = onError;
	parser->reportWarning = onWarning;
	parser->firstJump = &jump;
	if (c_setjmp(jump.jmp_buf) == 0) {
		parser->path = fxNewParserSymbol(parser, path);
		fxParserTree(parser, NULL, nextByte, 0, NULL);
		fxParserHoist(parser);
		fxParserBind(parser);
		script = fxParserCode(parser);
	}
	fxTerminateParser(parser);
	if (script && !compiler.message[0])
		result[0] = (txInteger)pack(script, &result[1]);
	else {
		result[2] = compiler.errorLine;
		result[3] = compiler.errorOffset;
	}
	fxDeleteScript(script);
	return result;
}

EXPORT("compile_message") char* compileMessage(void)
{
	return compiler.message;
}

EXPORT("compiler_alloc") void* compilerAlloc(int size)
{
	return malloc(size);
}

EXPORT("compiler_free") void compilerFree(void* block)
{
	free(block);
}
