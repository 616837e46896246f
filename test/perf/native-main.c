/* Runs one module of bytecode in the engine built for this machine: the yardstick of test/perf/native-engine.ts.
 * Prints codes and processor seconds. */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { BYTES_MAX = 1 << 20 };

/* wasm-ld gives this symbol; here any low address serves, because stacks are at high ones. */
char __stack_low;

static char bytes[BYTES_MAX];
static int size;

int boardCreate(int staticBytes, int chunkBytes, int chunkStep, int slots, int slotStep, int stackSlots, int keys,
	int systemLimit);
int boardImport(char* name);
int boardStatus(void);
double boardMeter(void);

double hostNow(void) { return 0; }
uint32_t hostRandom(void) { return 0; }
void hostLog(int level, const char* text, int length) { fprintf(stderr, "%.*s\n", length, text); }
void hostTimer(int id, double delayMs, double repeatMs) {}
int hostModuleSize(const char* name, int length) { return size; }
void hostModuleRead(const char* name, int length, void* target) { memcpy(target, bytes, size); }
int hostCall(int operation, const void* input, int length) { return -1; }
void hostCallResult(void* target) {}

int main(int count, char** arguments)
{
	FILE* file = (count > 1) ? fopen(arguments[1], "rb") : NULL;
	if (!file)
		return 2;
	size = (int)fread(bytes, 1, BYTES_MAX, file);
	boardCreate(0, 131072, 4096, 8192, 512, 512, 1000, 0);
	clock_t start = clock();
	boardImport("main");
	double seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
	printf("{\"codes\":%.0f,\"seconds\":%.6f}\n", boardMeter(), seconds);
	return boardStatus();
}
