// ESP32-C5: addresses and ids (technical reference manual and ROM behaviour).
import { allFlashModes, type EspTarget, laterSpi, lpWatchdogs } from "../target.ts";

export const esp32c5: EspTarget = {
  id: "esp32c5",
  name: "ESP32-C5",
  chipId: 23,
  magics: [],
  securityInfoBytes: 20,
  romBeginHasEncryptedWord: true,
  bootloaderOffset: 0x2000,
  spi: laterSpi(0x60003000),
  macRegister: 0x600b4844,
  flashModes: allFlashModes,
  flashFrequencies: { "80m": 0xf, "40m": 0, "20m": 2 },
  stub: "esp32c5",
  watchdogs: lpWatchdogs(0x600b1c00),
};
