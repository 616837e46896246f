// ESP32-C3: addresses and ids (technical reference manual and ROM behaviour).
import {
  allFlashModes,
  classicFrequencies,
  type EspTarget,
  laterSpi,
  rtcWatchdogs,
} from "../target.ts";

export const esp32c3: EspTarget = {
  id: "esp32c3",
  name: "ESP32-C3",
  chipId: 5,
  magics: [],
  securityInfoBytes: 20,
  romBeginHasEncryptedWord: true,
  bootloaderOffset: 0,
  spi: laterSpi(0x60002000),
  macRegister: 0x60008844,
  flashModes: allFlashModes,
  flashFrequencies: classicFrequencies,
  stub: "esp32c3",
  watchdogs: rtcWatchdogs({ config: 0x90, writeProtect: 0xa8, superConfig: 0xac }),
};
