// ESP32-H2: addresses and ids (technical reference manual and ROM behaviour).
import { allFlashModes, type EspTarget, laterSpi, lpWatchdogs } from "../target.ts";

export const esp32h2: EspTarget = {
  id: "esp32h2",
  name: "ESP32-H2",
  chipId: 16,
  magics: [],
  securityInfoBytes: 20,
  romBeginHasEncryptedWord: true,
  bootloaderOffset: 0,
  spi: laterSpi(0x60003000),
  macRegister: 0x600b0844,
  flashModes: allFlashModes,
  flashFrequencies: { "48m": 0xf, "24m": 0, "16m": 1, "12m": 2 },
  stub: "esp32h2",
  watchdogs: lpWatchdogs(0x600b1c00, 0x1c),
};
