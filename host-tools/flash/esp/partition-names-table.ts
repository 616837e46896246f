// Names of partition types and subtypes (ESP-IDF "Partition Tables").

export const partitionTypes: Readonly<Record<string, number>> = {
  app: 0,
  data: 1,
  bootloader: 2,
  partition_table: 3,
};

const otaSlotsMax = 16;

const appSubtypes: Record<string, number> = { factory: 0, test: 0x20 };
for (let slot = 0; slot < otaSlotsMax; slot++) appSubtypes[`ota_${slot}`] = 0x10 + slot;

export const partitionSubtypes: Readonly<Record<number, Readonly<Record<string, number>>>> = {
  0: appSubtypes,
  1: {
    ota: 0,
    phy: 1,
    nvs: 2,
    coredump: 3,
    nvs_keys: 4,
    efuse: 5,
    undefined: 6,
    esphttpd: 0x80,
    fat: 0x81,
    spiffs: 0x82,
    littlefs: 0x83,
  },
  2: { primary: 0, ota: 1, recovery: 2 },
  3: { primary: 0, ota: 1 },
};

export function nameOf(names: Readonly<Record<string, number>>, code: number): string {
  const found = Object.entries(names).find(([, value]) => value === code);
  return found?.[0] ?? `0x${code.toString(16).padStart(2, "0")}`;
}
