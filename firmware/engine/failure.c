/* Why a board ended and where: text and positions, gathered without running any JavaScript. */

#include "board.h"

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
int failureException(txMachine* the, txSlot* exception)
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
