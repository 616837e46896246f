/* XS platform header for godwit's hosts (wasm32 boards and the bytecode compiler).
 *
 * XS includes this file because of INCLUDE_XSPLATFORM and XSPLATFORM. It says which services the C library
 * gives, which ones the host gives, and which ones XS must not use. Nothing in here is board code. */

#ifndef GODWIT_XS_PLATFORM
#define GODWIT_XS_PLATFORM

#include <ctype.h>
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

#undef mxLittleEndian
#define mxLittleEndian 1
#define mxExport extern
#define mxImport extern
#define XS_FUNCTION_NORETURN __attribute__((noreturn))

/* The host gives the C stack's limit; one machine per instance, so no shared cluster and no threads. */
#define mxUseDefaultCStackLimit 0
#define mxMultipleThreads 1
#define mxUseDefaultBuildKeys 1
#define mxUseDefaultSharedChunks 1
#ifdef mxParse
#define mxUseDefaultParseScript 1
#endif
#define C_PATH_MAX 128

#define mxMachinePlatform \
	void* host; \
	void* waiterCondition; \
	void* waiterData; \
	struct sxMachine* waiterLink;

/* Time, randomness and text come from the embedder: a board without imports is deterministic. */
typedef struct timeval c_timeval;
#define c_timezone timezone
#define c_gettimeofday godwit_gettimeofday
extern int godwit_gettimeofday(c_timeval* time, void* zone);
#define C_RAND_MAX 0x7FFFFFFF
#define c_rand godwit_rand
#define c_srand(SEED) ((void)(SEED))
extern int godwit_rand(void);

/* All six: XS reports through several of them, and libc's stdio would swallow the text. */
extern int godwit_printf(const char* format, ...);
extern int godwit_vprintf(const char* format, va_list arguments);
#define fprintf(STREAM, ...) godwit_printf(__VA_ARGS__)
#define vfprintf(STREAM, FORMAT, ARGUMENTS) godwit_vprintf(FORMAT, ARGUMENTS)
#define printf godwit_printf
#define vprintf godwit_vprintf
#define c_printf godwit_printf
#define c_vprintf godwit_vprintf

/* Memory outside the XS heap (regular expressions, try records, JSON text) is the chip's system heap: counted,
 * limited, and its exhaustion ends the board. XS alone would answer "no match" when a RegExp runs out of memory. */
extern void* godwit_malloc(size_t size);
extern void* godwit_calloc(size_t count, size_t size);
extern void* godwit_realloc(void* block, size_t size);
extern void godwit_free(void* block);
#define c_malloc godwit_malloc
#define c_calloc godwit_calloc
#define c_realloc godwit_realloc
#define c_free godwit_free
#define c_malloc_uint32 godwit_malloc
#define c_free_uint32 godwit_free

#endif
