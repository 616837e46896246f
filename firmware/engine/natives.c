/* Native functions of the engine's own modules (modules/): requests, clock, randomness, timers, callbacks. */

#include "board.h"

IMPORT("timer") void hostTimer(int id, double delayMs, double repeatMs);
IMPORT("call") int hostCall(int operation, const void* bytes, int length);
IMPORT("call_result") void hostCallResult(void* target);

enum { CALL_UNDEFINED = -1, CALL_FAILED = -2 };

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

void setNatives(txMachine* the)
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
