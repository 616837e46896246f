// What `godwit flash` is given for ESP chips: file@offset arguments and settings for the bootloader's header.
import { basename } from "node:path";
import type { Board } from "../../boards/board.ts";
import { type FlashSettings, flashModeNames } from "../../flash/esp/image.ts";
import { withSettings } from "../../flash/esp/job.ts";
import { chipIdOf } from "../../flash/esp/merged.ts";
import { preflight } from "../../flash/esp/preflight.ts";
import { type FlashRegion, hex, orderedRegions } from "../../flash/esp/regions.ts";
import type { EspTarget } from "../../flash/esp/target.ts";
import { espTargets, targetByChipId, targetById } from "../../flash/esp/targets-table.ts";
import { DeviceError } from "../../serial/error.ts";
import { shorten } from "../../shorten.ts";
import type { Context } from "../command.ts";
import { parseCount } from "../commands/flash-options.ts";
import { readFileOf } from "../files.ts";

export interface SettingsFlags {
  readonly flashMode?: string;
  readonly flashFreq?: string;
  readonly flashSize?: string;
}

/** `app.bin@0x10000`. @throws DeviceError `bad-input` */
export function regionOf(argument: string, context: Context): FlashRegion {
  const match = /^(.+)@([^@]+)$/.exec(argument);
  if (!match) {
    throw new DeviceError("bad-input", `'${shorten(argument)}' has no offset`, {
      hint: `${shorten(argument)}@0x10000 (ESP chips need to know where; UF2 files know it themselves)`,
    });
  }
  const [, path, offset] = match as unknown as [string, string, string];
  const bytes = readFileOf(path, context);
  if (bytes.length === 0) {
    throw new DeviceError("bad-input", `${shorten(path)} is empty`, { hint: "build it again" });
  }
  return { offset: parseCount(offset), bytes, name: shorten(basename(path)) };
}

const largestFlashBytes = 128 << 20;
const flashMegabytes: readonly number[] = [1, 2, 4, 8, 16, 32, 64, 128];
const flashSizeHint = `one of ${flashMegabytes.map((size) => `${size}MB`).join(", ")}, or detect`;

/** Settings for the bootloader's header; which of them the chip has is asked once it is known. */
export function settingsOf(flags: SettingsFlags): FlashSettings | undefined {
  const { flashMode, flashFreq, flashSize } = flags;
  if (!flashMode && !flashFreq && !flashSize) return undefined;
  requireKnown("flash mode", flashMode, flashModeNames);
  requireKnown("flash frequency", flashFreq, frequencyNames);
  const sizeMegabytes =
    flashSize === undefined || flashSize === "detect" ? undefined : megabytesOf(flashSize);
  return {
    ...(flashMode ? { mode: flashMode } : {}),
    ...(flashFreq ? { frequency: flashFreq } : {}),
    ...(sizeMegabytes ? { sizeMegabytes } : {}),
  };
}

const frequencyNames = [
  ...new Set(espTargets.flatMap(({ flashFrequencies }) => Object.keys(flashFrequencies))),
];

function requireKnown(what: string, value: string | undefined, known: readonly string[]): void {
  if (value === undefined || known.includes(value)) return;
  throw new DeviceError("bad-input", `'${shorten(value)}' is no ${what}`, {
    hint: `one of ${known.join(", ")}`,
  });
}

function megabytesOf(flashSize: string): number {
  const size = Number(/^(\d{1,3})MB$/i.exec(flashSize)?.[1]);
  if (flashMegabytes.includes(size)) return size;
  throw new DeviceError("bad-input", `'${shorten(flashSize)}' is no flash size`, {
    hint: flashSizeHint,
  });
}

/**
 * Everything that the files alone can tell: damaged images, another chip than `board`'s or than each other's,
 * overlaps, no room. No board is disturbed for them.
 * @throws DeviceError
 */
export function checkEspFiles(
  regions: readonly FlashRegion[],
  board: Board | undefined,
  settings: FlashSettings | undefined,
): void {
  const far = regions.find(({ offset }) => offset >= largestFlashBytes);
  if (far) {
    throw new DeviceError("bad-input", `no ESP chip has flash at ${hex(far.offset)}`, {
      hint: `for a Pico: godwit flash ${far.name}@${hex(far.offset)} --board raspberry-pi-pico`,
    });
  }
  const target = (board && targetById(board.chip)) ?? targetOf(regions);
  // How much flash the board has is asked later: boards of one name come with different chips.
  if (!target) {
    orderedRegions(regions, largestFlashBytes);
    return;
  }
  preflight(regions, { target, flashBytes: largestFlashBytes, isSizeGuessed: true });
  if (settings) withSettings(regions, target, settings);
}

/** The chip that the first image was built for. */
function targetOf(regions: readonly FlashRegion[]): EspTarget | undefined {
  const chipId = regions.map(chipIdOf).find((id) => id !== undefined);
  return chipId === undefined ? undefined : targetByChipId(chipId);
}
