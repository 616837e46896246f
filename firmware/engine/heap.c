/* The board's static block, shared by slots and chunks as on Moddable's devices: chunks grow up, slots grow down. */

#include "board.h"

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

/* The chip's system heap (services.c) is full: ends the board unless it is only being made. */
void onMemoryFull(void)
{
	if (board.machine && board.machine->firstJump)
		fxAbort(board.machine, XS_NOT_ENOUGH_MEMORY_EXIT);
}
