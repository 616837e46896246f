// ESP32-P4: addresses and ids (technical reference manual and ROM behaviour).
import { allFlashModes, type EspTarget, laterSpi } from "../target.ts";

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
};
