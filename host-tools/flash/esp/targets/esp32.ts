// ESP32: the first of the family; no security information, other SPI offsets, MAC in efuse block 0.
import { allFlashModes, classicFrequencies, type EspTarget } from "../target.ts";

export const esp32: EspTarget = {
  id: "esp32",
  name: "ESP32",
  chipId: 0,
  magics: [0x00f01d83],
  securityInfoBytes: 0,
  romBeginHasEncryptedWord: false,
  bootloaderOffset: 0x1000,
  spi: {
    base: 0x3ff42000,
    usr: 0x1c,
    usr1: 0x20,
    usr2: 0x24,
    mosiLength: 0x28,
    misoLength: 0x2c,
    w0: 0x80,
  },
  macRegister: 0x3ff5a004,
  flashModes: allFlashModes,
  flashFrequencies: classicFrequencies,
  stub: "esp32",
};
