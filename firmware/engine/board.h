/* State and seams of the board host; see board.c. */

#ifndef GODWIT_BOARD
#define GODWIT_BOARD

#include "xsAll.h"
#include "xsScript.h"
#include "services.h"

/* `status` of an ended board: this plus XS's exit reason. */
enum { ABORTED = 100 };
enum { FAILURE_BYTES = 1024 };

/* A module in "flash": symbols and code stay in the block that was read, as code runs in place on a chip. */
typedef struct sxModule {
	struct sxModule* next;
	txID id;
	txByte* code;
	txSize codeSize;
	txU1* lines;
	txSize linesSize;
} txModule;

typedef struct {
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
} txBoard;

extern txBoard board;

/* heap.c */
void onMemoryFull(void);

/* failure.c: the text of a thrown value goes to board.failure; returns its length. */
int failureException(txMachine* the, txSlot* exception);

/* natives.c */
void setNatives(txMachine* the);

#endif
