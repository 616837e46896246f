// ESP32-P4: addresses and ids (technical reference manual and ROM behaviour).
import { allFlashModes, type EspTarget, laterSpi, lpWatchdogs } from "../target.ts";

export const esp32p4: EspTarget = {
  id: "esp32p4",
  name: "ESP32-P4",
  chipId: 18,
  magics: [],
  securityInfoBytes: 20,
  romBeginHasEncryptedWord: true,
  bootloaderOffset: 0x2000,
  spi: laterSpi(0x5008d000),
  macRegister: 0x5012d044,
  flashModes: allFlashModes,
  flashFrequencies: { "80m": 0xf, "40m": 0, "20m": 2 },
  stub: "esp32p4",
  earlySilicon: {
    // Word 2 of efuse block 1: major version in bits 23 and 5..4.
    register: 0x5012d04c,
    isEarly: (word) => ((((word >>> 23) & 1) << 2) | ((word >>> 4) & 3)) < 3,
    stub: "esp32p4-rev1",
  },
  watchdogs: lpWatchdogs(0x50116000),
};
