// Every ESP chip this tool knows.
import type { EspTarget } from "./target.ts";
import { esp32 } from "./targets/esp32.ts";
import { esp32c2 } from "./targets/esp32c2.ts";
import { esp32c3 } from "./targets/esp32c3.ts";
import { esp32c5 } from "./targets/esp32c5.ts";
import { esp32c6 } from "./targets/esp32c6.ts";
import { esp32h2 } from "./targets/esp32h2.ts";
import { esp32p4 } from "./targets/esp32p4.ts";
import { esp32s2 } from "./targets/esp32s2.ts";
import { esp32s3 } from "./targets/esp32s3.ts";

export const espTargets: readonly EspTarget[] = [
  esp32,
  esp32s2,
  esp32s3,
  esp32c3,
  esp32c6,
  esp32h2,
  esp32c2,
  esp32c5,
  esp32p4,
];

export function targetByChipId(chipId: number): EspTarget | undefined {
  return espTargets.find((target) => target.chipId === chipId);
}

export function targetById(id: string): EspTarget | undefined {
  return espTargets.find((target) => target.id === id);
}
