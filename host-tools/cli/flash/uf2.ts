// `godwit flash` for RP2040 and RP2350: UF2, ELF and BIN files through the BOOTSEL drive.
import type { Board } from "../../boards/board.ts";
import { portIsBack } from "../../boards/port-is-back.ts";
import { hex } from "../../flash/esp/regions.ts";
import { runUf2Job } from "../../flash/rp2040/bootsel.ts";
import { findDrives, systemDriveFiles } from "../../flash/rp2040/drive.ts";
import { elfFlashSegments, isElf, isRiscvElf, isRp2350Image } from "../../flash/rp2040/elf.ts";
import {
  encodeUf2,
  parseUf2,
  preflightUf2,
  type RpChip,
  type Uf2Family,
  type UfSegment,
} from "../../flash/rp2040/uf2.ts";
import { realClock } from "../../serial/clock.ts";
import { DeviceError, isDeviceError } from "../../serial/error.ts";
import { portSource } from "../../serial/source.ts";
import { shorten } from "../../shorten.ts";
import type { Context } from "../command.ts";
import { addressOf, type BoardFlags, boardOf, leaseOf } from "../commands/flash-options.ts";

const flashStart = 0x10000000;

export interface Uf2Flags extends BoardFlags {
  readonly verify?: boolean;
  readonly after: boolean;
  readonly drive?: string;
}

/** The chip of a board file that is one of these two. */
export function rpChipOf(board: Board | undefined): RpChip | undefined {
  return board?.chip === "rp2040" || board?.chip === "rp2350" ? board.chip : undefined;
}

/** ELF and BIN files name no family: the board does, or else what is in them. */
function familyFor(chip: RpChip | undefined, segments: readonly UfSegment[], isRiscv: boolean) {
  const likely = chip ?? (isRiscv || isRp2350Image(segments) ? "rp2350" : "rp2040");
  const families: Readonly<Record<RpChip, Uf2Family>> = {
    rp2040: "rp2040",
    rp2350: isRiscv ? "rp2350-riscv" : "rp2350-arm-s",
  };
  return families[likely];
}

/** A UF2 file as it is, an ELF file converted; both are refused here when they are damaged. */
function uf2Of(bytes: Uint8Array, name: string, chip: RpChip | undefined): Uint8Array {
  if (!isElf(bytes)) return bytes;
  const isRiscv = isRiscvElf(bytes);
  if (isRiscv && chip === "rp2040") {
    throw new DeviceError("wrong-chip", `${name} is RISC-V code, an rp2040 has no such core`, {
      hint: "build for rp2040, or give --board raspberry-pi-pico-2",
    });
  }
  const segments = elfFlashSegments(bytes, name);
  return encodeUf2(segments, familyFor(chip, segments, isRiscv));
}

/** BIN files with their addresses, as one UF2 file. @throws DeviceError `bad-input` */
export function uf2OfSegments(
  segments: readonly UfSegment[],
  name: string,
  chip: RpChip,
): Uint8Array {
  const low = segments.find(({ address }) => address < flashStart);
  if (low) {
    throw new DeviceError(
      "bad-input",
      `the flash of an ${chip} does not hold ${hex(low.address)}`,
      {
        hint: `${name}@${hex(flashStart + low.address)}`,
      },
    );
  }
  return encodeUf2(segments, familyFor(chip, segments, false));
}

/** @throws DeviceError; before anything is disturbed for whatever the files alone can tell */
export async function flashUf2(
  file: { readonly name: string; readonly path: string; readonly bytes: Uint8Array },
  flags: Uf2Flags,
  context: Context,
): Promise<void> {
  const { output } = context;
  const { name, path, bytes } = file;
  const board = boardOf(flags);
  const chip = rpChipOf(board);
  if (board && !chip) {
    throw new DeviceError(
      "wrong-chip",
      `${name} is for RP2040 or RP2350, '${board.id}' is neither`,
      {
        hint: "leave --board out, or give --board raspberry-pi-pico",
      },
    );
  }
  const uf2 = uf2Of(bytes, name, chip);
  preflightUf2(parseUf2(uf2, name), name, chip);
  const files = systemDriveFiles(flags.drive);
  const address = await applicationPort(flags, context, findDrives(files).length > 0);
  const lease = address === undefined ? undefined : await leaseOf(address, context);
  try {
    const result = await runUf2Job({
      bytes: uf2,
      name,
      path: shorten(path, 200),
      chip,
      clock: realClock,
      files,
      isBack: await portIsBack(address ?? namedPort(flags, context)),
      awaitsReturn: flags.after,
      needsProof: flags.verify ?? false,
      signal: context.interrupted(),
      ...(address === undefined ? {} : { source: portSource(address) }),
      onStep: (step) => output.note(step),
    });
    if (result.hadLateError)
      output.note("the drive ended with an error, as many do when they eject");
    const back = result.cameBack ? " and runs again" : "";
    output.result("flashed", { ...result }, `${name}: ${result.boardId} took it${back}`);
  } finally {
    lease?.release();
  }
}

/**
 * The port of the application that has to be asked to leave. None when a drive is named and there, or when a
 * board waits in BOOTSEL mode and no port is named.
 */
async function applicationPort(
  flags: Uf2Flags,
  context: Context,
  hasDrive: boolean,
): Promise<string | undefined> {
  const named = namedPort(flags, context);
  if (hasDrive && (flags.drive !== undefined || named === undefined)) return undefined;
  try {
    return await addressOf(flags, context, "rp");
  } catch (error) {
    if (flags.drive === undefined || !isDeviceError(error, "no-device")) throw error;
    throw new DeviceError("no-device", `no BOOTSEL drive is at ${shorten(flags.drive)}`, {
      hint: "hold BOOTSEL while plugging the board in, mount its drive there, or give --port too",
      cause: error,
    });
  }
}

function namedPort(flags: Uf2Flags, context: Context): string | undefined {
  return flags.port ?? context.env.GODWIT_PORT;
}
