/* Entropy of the chip for rng.ts. The SDK's own module seeds a cipher once; on RP2040 always with the same bytes. */

#include "xsPlatform.h"
#include "xsmc.h"
#include <stdint.h>
#include <string.h>

#if ESP32
	#include "esp_random.h"
	/* A true source while the radio is on (ESP-IDF, "Random Number Generation"), which it is before any handshake. */
	#define chipRandom() esp_random()
#elif PICO_ON_DEVICE
	#include "pico/rand.h"
	/* A generator that mixes the ring oscillator, timers and bus counters into its state at each call. */
	#define chipRandom() get_rand_32()
#else
	#error "godwit: no source of entropy is known for this platform"
#endif

enum { ENTROPY_BYTES_MAX = 256 };

/* entropy(byteLength): that many bytes in an ArrayBuffer. */
void godwit_entropy(xsMachine *the)
{
	int byteLength = xsmcToInteger(xsArg(0));
	if ((byteLength < 0) || (byteLength > ENTROPY_BYTES_MAX))
		xsRangeError("entropy of so many bytes");
	xsmcSetArrayBuffer(xsResult, NULL, byteLength);
	/* Nothing below allocates: the pointer stays good. */
	uint8_t *bytes = xsmcToArrayBuffer(xsResult);
	for (int at = 0; at < byteLength; at += sizeof(uint32_t)) {
		uint32_t word = chipRandom();
		int count = byteLength - at;
		memcpy(bytes + at, &word, (count < (int)sizeof(word)) ? count : (int)sizeof(word));
	}
}
