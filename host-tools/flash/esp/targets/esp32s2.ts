// ESP32-S2: addresses and ids (technical reference manual and ROM behaviour).
import { allFlashModes, classicFrequencies, type EspTarget, laterSpi } from "../target.ts";

export const esp32s2: EspTarget = {
  id: "esp32s2",
  name: "ESP32-S2",
  chipId: 2,
  magics: [0x7c6],
  securityInfoBytes: 12,
  romBeginHasEncryptedWord: true,
  bootloaderOffset: 0x1000,
  spi: laterSpi(0x3f402000),
  macRegister: 0x3f41a044,
  flashModes: allFlashModes,
  flashFrequencies: classicFrequencies,
  stub: "esp32s2",
};
