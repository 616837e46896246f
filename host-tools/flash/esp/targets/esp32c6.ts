// ESP32-C6: addresses and ids (technical reference manual and ROM behaviour).
import { allFlashModes, type EspTarget, laterSpi, lpWatchdogs } from "../target.ts";

export const esp32c6: EspTarget = {
  id: "esp32c6",
  name: "ESP32-C6",
  chipId: 13,
  magics: [],
  securityInfoBytes: 20,
  romBeginHasEncryptedWord: true,
  bootloaderOffset: 0,
  spi: laterSpi(0x60003000),
  macRegister: 0x600b0844,
  flashModes: allFlashModes,
  flashFrequencies: { "80m": 0, "40m": 0, "20m": 2 },
  stub: "esp32c6",
  watchdogs: lpWatchdogs(0x600b1c00),
};
