/* What XS expects of a platform, apart from machines: text, time, randomness, counted memory, the C stack's limit.
 * Shared by boards and the bytecode compiler. */

#include "xsAll.h"
#include "services.h"

enum { C_STACK_RESERVE = 8192 };

txServices services;

/* ---- text -------------------------------------------------------------------------------------------------- */

int godwit_vprintf(const char* format, va_list arguments)
{
	char line[256];
	int length = vsnprintf(line, sizeof(line), format, arguments);
	if (length >= (int)sizeof(line))
		length = sizeof(line) - 1;
	while ((length > 0) && (line[length - 1] == '\n'))
		length--;
	if (length > 0)
		hostLog(LOG_DEBUG, line, length);
	return length;
}

int godwit_printf(const char* format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	int length = godwit_vprintf(format, arguments);
	va_end(arguments);
	return length;
}

/* ---- time and randomness ----------------------------------------------------------------------------------- */

int godwit_gettimeofday(c_timeval* time, void* zone)
{
	double ms = hostNow() + services.clockOffsetMs;
	double seconds = floor(ms / 1000);
	time->tv_sec = (time_t)seconds;
	time->tv_usec = (suseconds_t)((ms - seconds * 1000) * 1000);
	return 0;
}

int godwit_rand(void)
{
	return (int)(hostRandom() & C_RAND_MAX);
}

/* ---- memory outside the XS heap ---------------------------------------------------------------------------- */

#define SYSTEM_HEADER 8

static void* systemAlloc(void* old, size_t size)
{
	txSize before = old ? *(txSize*)((char*)old - SYSTEM_HEADER) : 0;
	txSize after = services.bytes - before + (txSize)size;
	char* block = NULL;
	if ((size < 0x40000000) && (!services.bytesLimit || (after <= services.bytesLimit)))
		block = realloc(old ? (char*)old - SYSTEM_HEADER : NULL, size + SYSTEM_HEADER);
	if (!block) {
		if (services.onMemoryFull)
			services.onMemoryFull();
		return NULL;
	}
	*(txSize*)block = (txSize)size;
	services.bytes = after;
	if (services.bytesPeak < after)
		services.bytesPeak = after;
	return block + SYSTEM_HEADER;
}

void* godwit_malloc(size_t size)
{
	return systemAlloc(NULL, size);
}

void* godwit_calloc(size_t count, size_t size)
{
	void* block = systemAlloc(NULL, count * size);
	if (block)
		memset(block, 0, count * size);
	return block;
}

void* godwit_realloc(void* block, size_t size)
{
	return systemAlloc(block, size);
}

void godwit_free(void* block)
{
	if (!block)
		return;
	char* header = (char*)block - SYSTEM_HEADER;
	services.bytes -= *(txSize*)header;
	free(header);
}

extern char __stack_low;

char* fxCStackLimit(void)
{
	return &__stack_low + C_STACK_RESERVE;
}
