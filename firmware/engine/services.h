/* Services shared by the board host and the compiler; see services.c. */

#ifndef GODWIT_SERVICES
#define GODWIT_SERVICES

#define IMPORT(NAME) extern __attribute__((import_module("env"), import_name(NAME)))
#define EXPORT(NAME) __attribute__((export_name(NAME)))

IMPORT("now") double hostNow(void);
IMPORT("random") uint32_t hostRandom(void);
IMPORT("log") void hostLog(int level, const char* text, int length);

enum { LOG_ERROR = 0, LOG_WARN, LOG_INFO, LOG_DEBUG };

typedef struct {
	double clockOffsetMs; /* wall clock minus the embedder's monotonic clock */
	/* the chip's system heap: what XS takes outside its own heap */
	txSize bytes;
	txSize bytesPeak;
	txSize bytesLimit; /* 0: none */
	void (*onMemoryFull)(void); /* must not return while JavaScript runs */
} txServices;

extern txServices services;

#endif
