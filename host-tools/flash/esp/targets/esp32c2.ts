// ESP32-C2: addresses and ids (technical reference manual and ROM behaviour).
import { allFlashModes, type EspTarget, laterSpi } from "../target.ts";

export const esp32c2: EspTarget = {
  id: "esp32c2",
  name: "ESP32-C2",
  chipId: 12,
  magics: [],
  securityInfoBytes: 20,
  romBeginHasEncryptedWord: true,
  bootloaderOffset: 0,
  spi: laterSpi(0x60002000),
  macRegister: 0x60008840,
  flashModes: allFlashModes,
  flashFrequencies: { "60m": 0xf, "30m": 0, "20m": 1, "15m": 2 },
  stub: "esp32c2",
};
