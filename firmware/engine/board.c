/* godwit's XS host for wasm32: one WebAssembly instance is one board.
 *
 * The embedder (host-tools/engine/board.ts) imports nothing but time, randomness, text, timers, modules and one
 * synchronous call; it enters through the exports at the end of this file. Every entry sets an outermost jump, so
 * that an abort (memory, stack, runaway code, exception) ends the board with a reason and never the process.
 * All state lives in linear memory: a copy of it is a snapshot. Uses XS's internal headers (LGPLv3 or later). */

#include "board.h"

enum { METER_INTERVAL = 1000 };

txBoard board;

static txInteger stats[16];

/* ---- what XS expects of machines --------------------------------------------------------------------------- */

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

/* ---- turns ------------------------------------------------------------------------------------------------- */

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
