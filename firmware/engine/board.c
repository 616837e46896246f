/* godwit's XS host for wasm32: one WebAssembly instance is one board.
 *
 * The embedder (host-tools/engine/board.ts) imports nothing but time, randomness, text, timers, modules and one
 * synchronous call; it enters through the exports at the end of this file. Every entry sets an outermost jump, so
 * that an abort (memory, stack, runaway code, exception) ends the board with a reason and never the process.
 * All state lives in linear memory: a copy of it is a snapshot. Uses XS's internal headers (LGPLv3 or later). */

#include "xsAll.h"
#include "xsScript.h"
#include "services.h"

IMPORT("timer") void hostTimer(int id, double delayMs, double repeatMs);
IMPORT("module_size") int hostModuleSize(const char* name, int length);
IMPORT("module_read") void hostModuleRead(const char* name, int length, void* target);
IMPORT("call") int hostCall(int operation, const void* bytes, int length);
IMPORT("call_result") void hostCallResult(void* target);

enum { CALL_UNDEFINED = -1, CALL_FAILED = -2 };
enum { METER_INTERVAL = 1000, ABORTED = 100, FAILURE_BYTES = 1024 };

/* A module in "flash": symbols and code stay in the block that was read, as code runs in place on a chip. */
typedef struct sxModule {
	struct sxModule* next;
	txID id;
	txByte* code;
	txSize codeSize;
	txU1* lines;
	txSize linesSize;
} txModule;

static struct {
	txMachine* machine;
	int status;
	char failure[FAILURE_BYTES]; /* message, then one "\n module:line:function" per frame */
	txModule* modules;
	txBoolean jobs;
	txBoolean reportOnly; /* uncaught exceptions are reported and the board goes on */
	/* meter, in codes */
	uint64_t meterTotal;
	uint64_t turnStart;
	uint64_t turnLimit;
	txU4 meterLast;
	/* the static block: chunks grow up, slots grow down */
	txByte* block;
	txByte* chunkEnd;
	txByte* slotStart;
	/* called by the embedder, kept alive by the collector */
	txSlot onTimer;
	txSlot onDeliver;
} board;

static txInteger stats[16];

/* ---- memory ------------------------------------------------------------------------------------------------ */

/* The last slots of the block are given out in smaller steps, down to these. */
enum { SLOT_STEP_MIN = 8 };

static void limitSlotStep(txMachine* the)
{
	txSize left = (txSize)((board.slotStart - board.chunkEnd) / sizeof(txSlot));
	if (the->minimumHeapCount > left)
		the->minimumHeapCount = (left > SLOT_STEP_MIN) ? left : SLOT_STEP_MIN;
}

void* fxAllocateChunks(txMachine* the, txSize size)
{
	if (!board.block)
		return malloc(size);
	size = (size + 15) & ~15;
	if (board.slotStart - board.chunkEnd < size)
		return NULL;
	txByte* result = board.chunkEnd;
	board.chunkEnd += size;
	limitSlotStep(the);
	return result;
}

void fxFreeChunks(txMachine* the, void* chunks)
{
	if (!board.block)
		free(chunks);
}

/* When slots run out, chunks are compacted and their free tail becomes slots, as on Moddable's devices. */
static void reclaimChunks(txMachine* the, txSize needed)
{
	fxCollect(the, XS_COMPACT_FLAG | XS_ORGANIC_FLAG);
	txBlock* block = the->firstBlock;
	if (!block || (block->limit > board.chunkEnd) || (block->limit + 16 <= board.chunkEnd))
		return;
	txByte* current = (txByte*)(((size_t)block->current + 15) & ~(size_t)15);
	if ((current >= block->limit) || (board.slotStart - current < needed))
		return;
	the->maximumChunksSize -= (txSize)(block->limit - current);
	block->limit = current;
	board.chunkEnd = current;
}

txSlot* fxAllocateSlots(txMachine* the, txSize count)
{
	txSize size = count * sizeof(txSlot);
	if (!board.block)
		return malloc(size);
	if ((board.slotStart - board.chunkEnd < size) && the->firstHeap && (the->collectFlag & XS_COLLECTING_FLAG)) {
		reclaimChunks(the, size);
		if (the->freeHeap)
			return (txSlot*)-1; /* XS takes from the free list again */
	}
	if (board.slotStart - board.chunkEnd < size)
		return NULL;
	board.slotStart -= size;
	if (the->minimumHeapCount)
		limitSlotStep(the);
	return (txSlot*)board.slotStart;
}

void fxFreeSlots(txMachine* the, void* slots)
{
	if (!board.block)
		free(slots);
}

void fxCreateMachinePlatform(txMachine* the)
{
}

void fxDeleteMachinePlatform(txMachine* the)
{
}

void fxQueuePromiseJobs(txMachine* the)
{
	board.jobs = 1;
}

/* No parser on a board: eval and new Function are syntax errors. */
txScript* fxParseScript(txMachine* the, void* stream, txGetter getter, txUnsigned flags)
{
	return C_NULL;
}

/* ---- positions and failures -------------------------------------------------------------------------------- */

static txU4 readVarint(txU1** bytes, txU1* end)
{
	txU4 value = 0;
	int shift = 0;
	while (*bytes < end) {
		txU1 byte = *(*bytes)++;
		value |= (txU4)(byte & 0x7F) << shift;
		if (!(byte & 0x80) || (shift >= 28))
			break;
		shift += 7;
	}
	return value;
}

/* The module and line of a code pointer: line tables are (offset delta, zigzag line delta) pairs of varints. */
txID fxGodwitPosition(txMachine* the, txByte* code, txInteger* line)
{
	for (txModule* module = board.modules; module; module = module->next) {
		if ((code < module->code) || (module->code + module->codeSize <= code))
			continue;
		txU4 target = (txU4)(code - module->code), offset = 0;
		txU1* bytes = module->lines;
		txU1* end = bytes + module->linesSize;
		txInteger current = 0;
		while (bytes < end) {
			offset += readVarint(&bytes, end);
			txU4 delta = readVarint(&bytes, end);
			if (offset > target)
				break;
			current += (txInteger)(delta >> 1) ^ -(txInteger)(delta & 1);
		}
		*line = current;
		return module->id;
	}
	*line = 0;
	return XS_NO_ID;
}

static int failureAdd(int at, const char* format, ...)
{
	if (at >= FAILURE_BYTES - 1)
		return at;
	va_list arguments;
	va_start(arguments, format);
	int length = vsnprintf(board.failure + at, FAILURE_BYTES - at, format, arguments);
	va_end(arguments);
	return (at + length < FAILURE_BYTES) ? at + length : FAILURE_BYTES - 1;
}

static const char* stringProperty(txMachine* the, txSlot* instance, txID id)
{
	if (instance->flag & XS_EXOTIC_FLAG)
		return NULL;
	txSlot* slot = mxBehaviorGetProperty(the, instance, id, 0, XS_ANY);
	return (slot && ((slot->kind == XS_STRING_KIND) || (slot->kind == XS_STRING_X_KIND))) ? slot->value.string : NULL;
}

static int failureFrames(txMachine* the, int at)
{
	txByte* code = the->code;
	txInteger line;
	for (txSlot* frame = the->frame; frame; frame = frame->next) {
		txID id = fxGodwitPosition(the, code, &line);
		if (id != XS_NO_ID)
			at = failureAdd(at, "\n%s:%d:", fxGetKeyName(the, id), (int)line);
		code = frame->value.frame.code - 1;
	}
	return at;
}

/* Text of a thrown value without running any JavaScript: getters and proxies are not asked. */
static int failureException(txMachine* the, txSlot* exception)
{
	if (exception->kind == XS_REFERENCE_KIND) {
		txSlot* instance = exception->value.reference;
		const char* name = stringProperty(the, instance, mxID(_name));
		const char* message = stringProperty(the, instance, mxID(_message));
		int at = failureAdd(0, "%s", name ? name : "Object");
		if (message && message[0])
			at = failureAdd(at, ": %s", message);
		for (int i = 0; i < at; i++)
			if (board.failure[i] == '\n')
				board.failure[i] = ' ';
		txSlot* info = instance->next;
		if (!info || (info->kind != XS_ERROR_KIND) || !info->value.error.info)
			return at;
		for (txSlot* slot = info->value.error.info->next; slot; slot = slot->next)
			if (slot->ID != XS_NO_ID)
				at = failureAdd(at, "\n%s:%d:%s", fxGetKeyName(the, slot->ID), (int)slot->value.key.sum,
					slot->value.key.string ? slot->value.key.string : "");
		return at;
	}
	if ((exception->kind == XS_STRING_KIND) || (exception->kind == XS_STRING_X_KIND))
		return failureAdd(0, "%s", exception->value.string);
	if (exception->kind == XS_INTEGER_KIND)
		return failureAdd(0, "%d", (int)exception->value.integer);
	return failureAdd(0, "a value that is no Error");
}

static void onMemoryFull(void)
{
	if (board.machine && board.machine->firstJump)
		fxAbort(board.machine, XS_NOT_ENOUGH_MEMORY_EXIT);
}

void fxAbort(txMachine* the, int status)
{
	if (!board.status) {
		board.status = ABORTED + status;
		board.failure[0] = 0;
		if ((status == XS_UNHANDLED_EXCEPTION_EXIT) || (status == XS_UNHANDLED_REJECTION_EXIT))
			failureException(the, &mxException);
		else if (board.machine)
			failureFrames(the, 0);
	}
	fxExitToHost(the);
}

/* ---- modules ----------------------------------------------------------------------------------------------- */

/* "./x" and "../x" relative to the importer's specifier; anything else is absolute. Extensions are dropped. */
static txBoolean resolvePath(const char* importer, const char* specifier, char* path)
{
	char base[C_PATH_MAX] = "";
	if (specifier[0] == '.') {
		const char* slash = importer ? strrchr(importer, '/') : NULL;
		if (slash)
			snprintf(base, sizeof(base), "%.*s", (int)(slash - importer), importer);
		while (specifier[0] == '.') {
			if (specifier[1] == '/')
				specifier += 2;
			else if ((specifier[1] == '.') && (specifier[2] == '/')) {
				char* last = strrchr(base, '/');
				if (!base[0])
					return 0;
				*(last ? last : base) = 0;
				specifier += 3;
			}
			else
				return 0;
		}
	}
	if (snprintf(path, C_PATH_MAX, "%s%s%s", base, base[0] ? "/" : "", specifier) >= C_PATH_MAX)
		return 0;
	char* dot = strrchr(path, '.');
	if (dot && !strchr(dot, '/') && (!strcmp(dot, ".js") || !strcmp(dot, ".mjs") || !strcmp(dot, ".ts")))
		*dot = 0;
	return path[0] != 0;
}

txID fxFindModule(txMachine* the, txSlot* realm, txID moduleID, txSlot* slot)
{
	char name[C_PATH_MAX], path[C_PATH_MAX];
	fxToStringBuffer(the, slot, name, sizeof(name));
	if (!resolvePath(moduleID == XS_NO_ID ? NULL : fxGetKeyName(the, moduleID), name, path))
		return XS_NO_ID;
	if (hostModuleSize(path, (int)strlen(path)) < 0)
		return XS_NO_ID;
	return fxNewNameC(the, path);
}

static txByte* findAtom(txByte* bytes, txSize size, txU4 type, txSize* atomSize)
{
	txByte* end = bytes + size;
	while (end - bytes >= 8) {
		txSize length = (txSize)c_read32be(bytes);
		if ((length < 8) || (end - bytes < length))
			break;
		if (c_read32be(bytes + 4) == type) {
			*atomSize = length - 8;
			return bytes + 8;
		}
		bytes += length;
	}
	return C_NULL;
}

/* Symbols become key identifiers, and constants and functions stay in place ("archive" opcodes), as in flash. */
static txBoolean prepareCode(txByte* p, txSize size, txID* ids, txID count)
{
	txByte* end = p + size;
	while (p < end) {
		txU1 op = (txU1)*p;
		if (op >= XS_CODE_COUNT)
			return 0;
		if ((XS_CODE_CODE_1 <= op) && (op <= XS_CODE_CODE_4))
			*p = (txByte)(op - XS_CODE_CODE_1 + XS_CODE_CODE_ARCHIVE_1);
		else if ((XS_CODE_STRING_1 <= op) && (op <= XS_CODE_STRING_4))
			*p = (txByte)(op - XS_CODE_STRING_1 + XS_CODE_STRING_ARCHIVE_1);
		txS1 step = gxCodeSizes[op];
		if (0 == step) {
			txU2 id = (txU2)((txU1)p[1] | ((txU1)p[2] << 8));
			if (id >= count)
				return 0;
			id = id ? ids[id] : XS_NO_ID;
			p[1] = (txByte)(id & 0xFF);
			p[2] = (txByte)(id >> 8);
			p += 1 + sizeof(txID);
		}
		else if (0 < step)
			p += step;
		else if (-1 == step)
			p += 2 + (txU1)p[1];
		else if (-2 == step)
			p += 3 + ((txU1)p[1] | ((txU1)p[2] << 8));
		else
			p += 5 + c_read32(p + 1);
	}
	return p == end;
}

/* A property name of a module. Its slot comes from "flash" too, as names of a preloaded image do: XS takes the next
 * free slot for a new name, so ours is put in front of its list. Names are never freed. */
static txID flashName(txMachine* the, txString string, txSlot** flash)
{
	txSlot* saved = the->freeHeap;
	txSlot* slot = *flash;
	memset(slot, 0, sizeof(txSlot));
	slot->next = saved;
	the->freeHeap = slot;
	txID id = fxNewNameX(the, string);
	if (the->freeHeap == slot)
		the->freeHeap = saved; /* the name was known */
	else {
		the->currentHeapCount--;
		(*flash)++;
	}
	return id;
}

static txBoolean prepareModule(txMachine* the, txModule* module, txByte* symbols, txSize symbolsSize)
{
	txByte* end = symbols + symbolsSize;
	if (symbolsSize < 2)
		return 0;
	txID count = (txID)((txU1)symbols[0] | ((txU1)symbols[1] << 8));
	txID* ids = malloc((count + 1) * sizeof(txID));
	txSlot* slots = malloc((count + 1) * sizeof(txSlot));
	txBoolean good = ids && slots;
	symbols += sizeof(txID);
	for (txID i = 1; good && (i < count); i++) {
		txByte* zero = memchr(symbols, 0, end - symbols);
		good = zero != NULL;
		if (good) {
			ids[i] = flashName(the, (txString)symbols, &slots);
			symbols = zero + 1;
		}
	}
	good = good && prepareCode(module->code, module->codeSize, ids, count ? count : 1);
	free(ids);
	return good;
}

/* A linked image keeps its top-level names in an array at import.meta.image (host-tools/engine/image-table.ts). XS
 * closes import.meta, so the array is put there here. */
static void addImageTable(txMachine* the, txSlot* module)
{
	mxPush(mxArrayPrototype);
	fxNewArrayInstance(the);
	fxNextSlotProperty(the, fxLastProperty(the, mxModuleMeta(module)->value.reference), the->stack, fxID(the, "image"),
		XS_GET_ONLY);
	mxPop();
}

void fxLoadModule(txMachine* the, txSlot* slot, txID moduleID)
{
	txString path = fxGetKeyName(the, moduleID);
	int length = (int)strlen(path);
	int size = hostModuleSize(path, length);
	txByte* bytes = (size > 8) ? malloc(size) : NULL;
	txModule* module = malloc(sizeof(txModule));
	txSize symbolsSize, versionSize;
	if (!bytes || !module)
		return;
	hostModuleRead(path, length, bytes);
	txBoolean whole = ((int)c_read32be(bytes) == size) && (c_read32be(bytes + 4) == XS_ATOM_BINARY);
	txByte* version = findAtom(bytes + 8, size - 8, XS_ATOM_VERSION, &versionSize);
	txByte* symbols = findAtom(bytes + 8, size - 8, XS_ATOM_SYMBOLS, &symbolsSize);
	module->code = findAtom(bytes + 8, size - 8, XS_ATOM_CODE, &module->codeSize);
	module->lines = (txU1*)findAtom(bytes + 8, size - 8, XS_ATOM_MAPS, &module->linesSize);
	if (!module->lines)
		module->linesSize = 0;
	if (!whole || !version || (version[0] != XS_MAJOR_VERSION) || (version[1] != XS_MINOR_VERSION) || !symbols || !module->code
			|| !prepareModule(the, module, symbols, symbolsSize))
		mxSyntaxError("module \"%s\" is not bytecode of this engine", path);
	module->id = moduleID;
	module->next = board.modules;
	board.modules = module;
	txScript script = { .codeBuffer = module->code, .codeSize = module->codeSize, .path = path,
		.version = { XS_MAJOR_VERSION, XS_MINOR_VERSION, XS_PATCH_VERSION, 0 } };
	fxResolveModule(the, slot, moduleID, &script, C_NULL, C_NULL);
	if (!strcmp(path, "godwit:image"))
		addImageTable(the, slot);
}

/* ---- native functions of the engine's own modules ---------------------------------------------------------- */

static int integerArgument(txMachine* the, int index)
{
	return (mxArgc > index) ? fxToInteger(the, mxArgv(index)) : 0;
}

static double numberArgument(txMachine* the, int index)
{
	return (mxArgc > index) ? fxToNumber(the, mxArgv(index)) : 0;
}

/* call(operation, buffer?, offset?, length?): the embedder's synchronous answer as ArrayBuffer, or undefined. */
static void nativeCall(txMachine* the)
{
	txByte* bytes = NULL;
	int length = 0;
	if ((mxArgc > 1) && (mxArgv(1)->kind == XS_REFERENCE_KIND)) {
		int size = fxGetArrayBufferLength(the, mxArgv(1));
		int offset = integerArgument(the, 2);
		length = (mxArgc > 3) ? integerArgument(the, 3) : size - offset;
		if ((offset < 0) || (length < 0) || (offset > size) || (length > size - offset))
			mxRangeError("invalid range");
		bytes = (txByte*)fxToArrayBuffer(the, mxArgv(1)) + offset;
	}
	int result = hostCall(integerArgument(the, 0), bytes, length);
	if (result == CALL_FAILED)
		mxUnknownError("host call failed");
	if (result >= 0)
		hostCallResult(fxArrayBuffer(the, mxResult, NULL, result, -1));
}

static void nativeNow(txMachine* the)
{
	fxNumber(the, mxResult, hostNow());
}

static void nativeSetClock(txMachine* the)
{
	services.clockOffsetMs = numberArgument(the, 0) - hostNow();
}

static void nativeRandom(txMachine* the)
{
	fxNumber(the, mxResult, (double)hostRandom());
}

/* timer(id, delayMs, repeatMs): repeatMs < 0 stops. */
static void nativeTimer(txMachine* the)
{
	hostTimer(integerArgument(the, 0), numberArgument(the, 1), numberArgument(the, 2));
}

/* The chip's reset: ends this run; the embedder decides whether the board boots again. */
static void nativeRestart(txMachine* the)
{
	fxAbort(the, XS_DEBUGGER_EXIT);
}

static void keep(txMachine* the, txSlot* root, int index)
{
	root->kind = mxArgv(index)->kind;
	root->value = mxArgv(index)->value;
	fxRemember(the, root);
}

/* listen(onTimer, onDeliver) */
static void nativeListen(txMachine* the)
{
	keep(the, &board.onTimer, 0);
	keep(the, &board.onDeliver, 1);
}

/* trace(...values): the SDK's global. */
static void globalTrace(txMachine* the)
{
	for (int i = 0; i < mxArgc; i++) {
		txString text = fxToString(the, mxArgv(i));
		hostLog(LOG_INFO, text, (int)strlen(text));
	}
}

typedef struct {
	const char* name;
	txCallback callback;
	int length;
} txNative;

static const txNative natives[] = {
	{ "call", nativeCall, 4 }, { "now", nativeNow, 0 }, { "setClock", nativeSetClock, 1 },
	{ "random", nativeRandom, 0 }, { "timer", nativeTimer, 3 }, { "listen", nativeListen, 2 },
	{ "restart", nativeRestart, 0 },
};

static void setFunction(txMachine* the, txSlot* instance, const txNative* native)
{
	txID id = fxNewNameX(the, (txString)native->name);
	fxNewHostFunction(the, native->callback, native->length, id, XS_NO_ID);
	txSlot* property = mxBehaviorSetProperty(the, instance, id, 0, XS_OWN);
	property->kind = the->stack->kind;
	property->value = the->stack->value;
	mxPop();
}

static void setNatives(txMachine* the)
{
	static const txNative trace = { "trace", globalTrace, 1 };
	mxPush(mxObjectPrototype);
	txSlot* instance = fxNewObjectInstance(the);
	for (size_t i = 0; i < sizeof(natives) / sizeof(natives[0]); i++)
		setFunction(the, instance, &natives[i]);
	txSlot* property = mxBehaviorSetProperty(the, mxGlobal.value.reference, fxNewNameX(the, "native"), 0, XS_OWN);
	property->flag = XS_DONT_ENUM_FLAG;
	property->kind = XS_REFERENCE_KIND;
	property->value.reference = instance;
	mxPop();
	setFunction(the, mxGlobal.value.reference, &trace);
}

/* ---- entries ----------------------------------------------------------------------------------------------- */

static void account(txMachine* the)
{
	board.meterTotal += (txU4)(the->meterIndex - board.meterLast);
	if (the->meterIndex > 0x7FFFFFFF)
		the->meterIndex = the->meterCount = 0;
	board.meterLast = the->meterIndex;
}

static txBoolean meterCheck(txMachine* the, txU4 index)
{
	account(the);
	return !board.turnLimit || (board.meterTotal - board.turnStart <= board.turnLimit);
}

static void onImportFailed(txMachine* the)
{
	mxException = *mxArgv(0);
	fxAbort(the, XS_UNHANDLED_EXCEPTION_EXIT);
}

static void onImported(txMachine* the)
{
}

static void reportUncaught(txMachine* the)
{
	if (!board.reportOnly)
		fxAbort(the, XS_UNHANDLED_EXCEPTION_EXIT);
	hostLog(LOG_ERROR, board.failure, failureException(the, &mxException));
	mxException = mxUndefined;
}

typedef struct {
	txString name;
	int id;
	void* bytes;
	int length;
} txEntry;

typedef void (*txBody)(txMachine* the, txEntry* entry);

/* One turn of the event loop: the entry, then promise jobs until none is left. Returns 0, or -1 once aborted. */
static int turn(txBody body, txEntry* entry)
{
	txMachine* the = board.machine;
	if (!the || board.status)
		return -1;
	txJump jump = { .nextJump = NULL, .stack = the->stack, .scope = the->scope, .frame = the->frame,
		.environment = NULL, .code = the->code, .flag = 0 };
	the->firstJump = &jump;
	board.turnStart = board.meterTotal;
	if (setjmp(jump.buffer) == 0) {
		fxBeginHost(the);
		{
			mxTry(the) {
				(*body)(the, entry);
			}
			mxCatch(the) {
				reportUncaught(the);
			}
		}
		fxEndHost(the);
		while (board.jobs) {
			board.jobs = 0;
			fxRunPromiseJobs(the);
			fxEndJob(the);
		}
		fxCheckUnhandledRejections(the, 1);
	}
	the->firstJump = NULL;
	account(the);
	return board.status ? -1 : 0;
}

static void bodyImport(txMachine* the, txEntry* entry)
{
	mxPushStringC(entry->name);
	fxRunImport(the, mxModuleInstanceInternal(mxProgram.value.reference)->value.module.realm, XS_NO_ID);
	mxDub();
	mxGetID(mxID(_then));
	mxCall();
	fxNewHostFunction(the, onImported, 1, XS_NO_ID, XS_NO_ID);
	fxNewHostFunction(the, onImportFailed, 1, XS_NO_ID, XS_NO_ID);
	mxRunCount(2);
	mxPop();
}

static void bodyTimer(txMachine* the, txEntry* entry)
{
	mxPushUndefined();
	mxPushSlot(&board.onTimer);
	mxCall();
	mxPushInteger(entry->id);
	mxRunCount(1);
	mxPop();
}

static void bodyDeliver(txMachine* the, txEntry* entry)
{
	mxPushUndefined();
	mxPushSlot(&board.onDeliver);
	mxCall();
	mxPushInteger(entry->id);
	mxPushUndefined();
	fxArrayBuffer(the, the->stack, entry->bytes, entry->length, -1);
	mxRunCount(2);
	mxPop();
}

static void bodySeal(txMachine* the, txEntry* entry)
{
	mxBehaviorDeleteProperty(the, mxGlobal.value.reference, fxID(the, "native"), 0);
}

static void bodyCollect(txMachine* the, txEntry* entry)
{
	fxCollectGarbage(the);
}

/* ---- exports ----------------------------------------------------------------------------------------------- */

EXPORT("board_alloc") void* boardAlloc(int size)
{
	return malloc(size);
}

EXPORT("board_free") void boardFree(void* block)
{
	free(block);
}

/* staticBytes 0: growable pools, used to measure the engine's own baseline. Returns 0, or -1 when memory is short. */
EXPORT("board_create") int boardCreate(int staticBytes, int chunkBytes, int chunkStep, int slots, int slotStep,
	int stackSlots, int keys, int systemLimit)
{
	txCreation creation = { .initialChunkSize = chunkBytes, .incrementalChunkSize = chunkStep,
		.initialHeapCount = slots, .incrementalHeapCount = slotStep, .stackCount = stackSlots,
		.initialKeyCount = keys, .incrementalKeyCount = 0, .nameModulo = 127, .symbolModulo = 127,
		.parserBufferSize = 1024, .parserTableModulo = 127, .staticSize = staticBytes };
	if (staticBytes) {
		void* block = calloc(1, staticBytes + 32);
		if (!block)
			return -1;
		board.block = board.chunkEnd = (txByte*)(((size_t)block + 15) & ~(size_t)15);
		board.slotStart = (txByte*)(((size_t)board.block + staticBytes) & ~(size_t)15);
	}
	txMachine* the = fxCreateMachine(&creation, "board", NULL, XS_NO_ID);
	if (!the)
		return -1;
	board.machine = the;
	memset(the->stackBottom, 0, (char*)the->stack - (char*)the->stackBottom);
	the->meterIndex = the->meterCount = 0;
	the->meterCallback = meterCheck;
	the->meterInterval = METER_INTERVAL;
	services.bytes = services.bytesPeak = 0;
	services.bytesLimit = systemLimit;
	services.onMemoryFull = onMemoryFull;
	txJump jump = { .nextJump = NULL, .stack = the->stack, .scope = the->scope, .frame = the->frame,
		.environment = NULL, .code = the->code, .flag = 0 };
	the->firstJump = &jump;
	if (setjmp(jump.buffer) == 0) {
		fxBeginHost(the);
		setNatives(the);
		fxEndHost(the);
	}
	the->firstJump = NULL;
	return board.status ? -1 : 0;
}

/* After the engine's own modules are loaded: takes the natives out of the global object. */
EXPORT("board_seal") int boardSeal(void)
{
	return turn(bodySeal, NULL);
}

EXPORT("board_import") int boardImport(txString name)
{
	txEntry entry = { .name = name };
	return turn(bodyImport, &entry);
}

EXPORT("board_timer") int boardTimer(int id)
{
	txEntry entry = { .id = id };
	return turn(bodyTimer, &entry);
}

EXPORT("board_deliver") int boardDeliver(int operation, void* bytes, int length)
{
	txEntry entry = { .id = operation, .bytes = bytes, .length = length };
	return turn(bodyDeliver, &entry);
}

EXPORT("board_gc") int boardCollect(void)
{
	return turn(bodyCollect, NULL);
}

/* The wall clock at power-on, for boards with a battery-backed clock. */
EXPORT("board_set_clock") void boardSetClock(double unixMs)
{
	services.clockOffsetMs = unixMs - hostNow();
}

EXPORT("board_meter") double boardMeter(void)
{
	return (double)board.meterTotal;
}

/* Codes that one turn may take (0: no limit); overshoots by less than METER_INTERVAL. */
EXPORT("board_set_limit") void boardSetLimit(double codes)
{
	board.turnLimit = (uint64_t)codes;
}

EXPORT("board_report_only") void boardReportOnly(int on)
{
	board.reportOnly = (txBoolean)on;
}

EXPORT("board_status") int boardStatus(void)
{
	return board.status;
}

EXPORT("board_failure") char* boardFailure(void)
{
	return board.failure;
}

EXPORT("board_reset_peaks") void boardResetPeaks(void)
{
	txMachine* the = board.machine;
	the->peakHeapCount = the->currentHeapCount;
	the->peakChunksSize = the->currentChunksSize;
	services.bytesPeak = services.bytes;
	if (!the->frame)
		memset(the->stackBottom, 0, (char*)the->stack - (char*)the->stackBottom);
}

EXPORT("board_stats") txInteger* boardStats(void)
{
	txMachine* the = board.machine;
	txSlot* lowest = the->stackBottom;
	while ((lowest < the->stack) && !lowest->kind && !lowest->next && !lowest->value.integer)
		lowest++;
	txInteger values[] = { the->currentHeapCount, the->peakHeapCount, the->maximumHeapCount, the->currentChunksSize,
		the->peakChunksSize, the->maximumChunksSize, the->keyIndex, (txInteger)(the->stackTop - the->stack),
		(txInteger)(the->stackTop - lowest), (txInteger)(the->stackTop - the->stackBottom), sizeof(txMachine),
		sizeof(txSlot), services.bytes, services.bytesPeak, services.bytesLimit, the->keyCount };
	memcpy(stats, values, sizeof(values));
	return stats;
}

EXPORT("board_destroy") void boardDestroy(void)
{
	if (board.machine)
		fxDeleteMachine(board.machine);
	board.machine = NULL;
	board.status = ABORTED;
}
