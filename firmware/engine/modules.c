/* Modules of bytecode (.xsb) from the embedder: names, symbols and code are prepared in place, as in a chip's flash. */

#include "board.h"

IMPORT("module_size") int hostModuleSize(const char* name, int length);
IMPORT("module_read") void hostModuleRead(const char* name, int length, void* target);

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
