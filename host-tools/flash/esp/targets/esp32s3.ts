// ESP32-S3: addresses and ids (technical reference manual and ROM behaviour).
import {
  allFlashModes,
  classicFrequencies,
  type EspTarget,
  laterSpi,
  rtcWatchdogs,
} from "../target.ts";

export const esp32s3: EspTarget = {
  id: "esp32s3",
  name: "ESP32-S3",
  chipId: 9,
  magics: [],
  securityInfoBytes: 20,
  romBeginHasEncryptedWord: true,
  bootloaderOffset: 0,
  spi: laterSpi(0x60002000),
  macRegister: 0x60007044,
  flashModes: allFlashModes,
  flashFrequencies: classicFrequencies,
  stub: "esp32s3",
  watchdogs: rtcWatchdogs({ config: 0x98, writeProtect: 0xb0, superConfig: 0xb4 }),
};
