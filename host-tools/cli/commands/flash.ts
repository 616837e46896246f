// `godwit flash`: images onto a board, verified; reading, erasing and identifying its flash.
import { basename } from "node:path";
import type { Command } from "commander";
import type { Board } from "../../boards/board.ts";
import type { FlashSettings } from "../../flash/esp/image.ts";
import { type ChipInfo, chipInfo, type FlashResult, runFlashJob } from "../../flash/esp/job.ts";
import { readFlash } from "../../flash/esp/read.ts";
import { type FlashRegion, hex } from "../../flash/esp/regions.ts";
import { EspSession } from "../../flash/esp/session.ts";
import { runUf2Job } from "../../flash/rp2040/bootsel.ts";
import { findDrives, systemDriveFiles } from "../../flash/rp2040/drive.ts";
import { elfFlashSegments, isElf } from "../../flash/rp2040/elf.ts";
import { encodeUf2, isUf2, parseUf2, type Uf2Family } from "../../flash/rp2040/uf2.ts";
import { realClock } from "../../serial/clock.ts";
import { DeviceError } from "../../serial/error.ts";
import { takeLease } from "../../serial/lease.ts";
import { boardIdentity } from "../../serial/list.ts";
import { portSource } from "../../serial/source.ts";
import { shorten } from "../../shorten.ts";
import type { Context } from "../command.ts";
import { readFileOf, writeFileOf } from "../files.ts";
import {
  addBoardOptions,
  addressOf,
  type BoardFlags,
  boardOf,
  espOptions,
  parseCount,
} from "./flash-options.ts";

interface FlashFlags extends BoardFlags {
  readonly verify?: boolean;
  readonly skip: boolean;
  readonly compress: boolean;
  readonly after: boolean;
  readonly eraseAll?: boolean;
  readonly mac?: string;
  readonly drive?: string;
  readonly flashMode?: string;
  readonly flashFreq?: string;
  readonly flashSize?: string;
}

const leaseMs = 600_000;

/** Adds the verb. */
export function register(command: Command, context: Context): void {
  addBoardOptions(command)
    .argument("[files...]", "file@offset for ESP chips; one .uf2 or .elf for RP2040 and RP2350")
    .option("--verify", "read every byte back, besides the checksums the chip computes")
    .option("--no-skip", "write also what is there already")
    .option("--no-compress", "send the bytes as they are")
    .option("--no-after", "leave the board in its bootloader")
    .option("--erase-all", "erase the whole chip first")
    .option("--mac <address>", "refuse any other board")
    .option("--drive <path>", "where the BOOTSEL drive is mounted")
    .option("--flash-mode <mode>", "set in the bootloader's header: qio, qout, dio, dout")
    .option("--flash-freq <frequency>", "set in the bootloader's header, like 80m")
    .option("--flash-size <size>", "set in the bootloader's header, like 4MB, or detect")
    .action(async (files: string[], flags: FlashFlags) => flash(files, flags, context));
  addBoardOptions(command.command("id").description("chip, MAC and flash of a board")).action(
    async (_, child: Command) => identify(child.optsWithGlobals<BoardFlags>(), context),
  );
  addBoardOptions(
    command
      .command("read")
      .description("save a part of the flash")
      .argument("<offset>", "first byte, like 0x10000", parseCount)
      .argument("<size>", "bytes, like 0x1000 or 4M", parseCount)
      .argument("<file>", "where to save them"),
  ).action(async (offset: number, size: number, file: string, _, child: Command) =>
    read({ offset, size, file }, child.optsWithGlobals<BoardFlags>(), context),
  );
  addBoardOptions(
    command
      .command("erase")
      .description("erase the whole flash, or a region of whole sectors")
      .argument("[offset]", "first byte", parseCount)
      .argument("[size]", "bytes", parseCount),
  ).action(async (offset: number | undefined, size: number | undefined, _, child: Command) =>
    erase(offset, size, child.optsWithGlobals<BoardFlags>(), context),
  );
}

async function flash(files: readonly string[], flags: FlashFlags, context: Context): Promise<void> {
  if (files.length === 0) {
    throw new DeviceError("bad-input", "nothing to flash", {
      hint: "godwit flash bootloader.bin@0x0 partitions.bin@0x8000 app.bin@0x10000",
    });
  }
  const single =
    files.length === 1 ? readFileOf(files[0]!.replace(/@[^@/\\]*$/, ""), context) : null;
  if (single && (isUf2(single) || isElf(single))) {
    await flashUf2(shorten(basename(files[0]!)), single, flags, context);
    return;
  }
  const regions = files.map((argument) => regionOf(argument, context));
  const board = boardOf(flags);
  if (board && isRp(board)) {
    const segments = regions.map(({ offset, bytes }) => ({ address: offset, bytes }));
    const names = regions.map(({ name }) => name).join(", ");
    await flashUf2(names, encodeUf2(segments, familyFor(board)), flags, context);
    return;
  }
  await flashEsp(regions, flags, context);
}

function regionOf(argument: string, context: Context): FlashRegion {
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

function isRp(board: Board): boolean {
  return board.chip === "rp2040" || board.chip === "rp2350";
}

/** ELF and BIN files do not tell their chip; the board does. */
function familyFor(board: Board | undefined): Uf2Family {
  return board?.chip === "rp2350" ? "rp2350-arm-s" : "rp2040";
}

const flashMegabytes: readonly number[] = [1, 2, 4, 8, 16, 32, 64, 128];
const flashSizeHint = `one of ${flashMegabytes.map((size) => `${size}MB`).join(", ")}, or detect`;

/** Settings for the bootloader's header; which of them the chip has is asked once it is known. */
function settingsOf(flags: FlashFlags): FlashSettings | undefined {
  const { flashMode, flashFreq, flashSize } = flags;
  if (!flashMode && !flashFreq && !flashSize) return undefined;
  const sizeMegabytes =
    flashSize === undefined || flashSize === "detect" ? undefined : megabytesOf(flashSize);
  return {
    ...(flashMode ? { mode: flashMode } : {}),
    ...(flashFreq ? { frequency: flashFreq } : {}),
    ...(sizeMegabytes ? { sizeMegabytes } : {}),
  };
}

function megabytesOf(flashSize: string): number {
  const size = Number(/^(\d{1,3})MB$/i.exec(flashSize)?.[1]);
  if (flashMegabytes.includes(size)) return size;
  throw new DeviceError("bad-input", `'${shorten(flashSize)}' is no flash size`, {
    hint: flashSizeHint,
  });
}

async function flashEsp(
  regions: readonly FlashRegion[],
  flags: FlashFlags,
  context: Context,
): Promise<void> {
  const { output } = context;
  const settings = settingsOf(flags);
  if (flags.mac !== undefined && !/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(flags.mac)) {
    throw new DeviceError("bad-input", `'${shorten(flags.mac)}' is no MAC address`, {
      hint: "use aa:bb:cc:dd:ee:ff; godwit flash id tells it",
    });
  }
  const board = boardOf(flags);
  const options = await espOptions(flags, context);
  const lease = takeLease(await boardIdentity(options.source.address), {
    job: "godwit flash",
    ttlMs: leaseMs,
  });
  output.note(`connecting to ${options.source.address}`);
  const bar = output.progress("flash");
  try {
    const result = await runFlashJob({
      ...options,
      regions,
      skipUnchanged: flags.skip,
      isCompressed: flags.compress,
      resetAfter: flags.after,
      eraseAll: flags.eraseAll ?? false,
      readBack: flags.verify ?? false,
      ...(settings ? { settings } : {}),
      setsDetectedSize: flags.flashSize === "detect",
      ...(board ? { expectChip: board.chip } : {}),
      ...(flags.mac === undefined ? {} : { expectMac: flags.mac }),
      onChip: (info) => output.note(describeChip(info)),
      onProgress: ({ phase, doneBytes, totalBytes, note }) => {
        if (note !== undefined) output.note(`recovering: ${note}`);
        else if (phase !== "compare") bar.update(doneBytes / Math.max(1, totalBytes), phase);
      },
    });
    bar.end("flash: verified");
    output.result("flashed", { ...result }, describeResult(result));
  } finally {
    lease.release();
  }
}

function describeChip(info: ChipInfo): string {
  const security = info.isSecureDownload ? ", Secure Download Mode" : "";
  const megabytes = info.flashBytes / (1 << 20);
  return `${info.chipName}, MAC ${info.mac ?? "unknown"}, ${megabytes} MB flash${security}`;
}

function describeResult(result: FlashResult): string {
  const lines = result.regions.map(
    ({ name, offset, size }) => `${hex(offset).padEnd(10)} ${name} (${size} bytes)`,
  );
  const seconds = (result.elapsedMs / 1000).toFixed(1);
  const skipped = result.skippedBytes > 0 ? `, ${result.skippedBytes} were there already` : "";
  lines.push(
    `verified in ${seconds} s: ${result.writtenBytes} bytes written as ${result.sentBytes}${skipped}`,
  );
  if (result.hadSilentDamage) {
    lines.push("the line damaged commands on the way: other places of the flash may be touched");
  }
  return lines.join("\n");
}

async function flashUf2(
  name: string,
  bytes: Uint8Array,
  flags: FlashFlags,
  context: Context,
): Promise<void> {
  const { output } = context;
  const uf2 = isElf(bytes)
    ? encodeUf2(elfFlashSegments(bytes, name), familyFor(boardOf(flags)))
    : bytes;
  // A bad file is refused before any board is disturbed.
  parseUf2(uf2, name);
  const files = systemDriveFiles(flags.drive);
  const isNamed = flags.port !== undefined || context.env.GODWIT_PORT !== undefined;
  // A board that waits in BOOTSEL mode needs no port; otherwise the application is asked to leave.
  // A named drive that is there is the board, even when a port was named for it too.
  const asksPort = isNamed && flags.drive === undefined;
  const needsPort = asksPort || findDrives(files).length === 0;
  const result = await runUf2Job({
    bytes: uf2,
    name,
    clock: realClock,
    files,
    ...(needsPort ? { source: portSource(await addressOf(flags, context, "rp")) } : {}),
    onStep: (step) => output.note(step),
  });
  const back = result.cameBack === false ? ", but its port did not come back yet" : "";
  output.result("flashed", { ...result }, `${name}: ${result.boardId} took it and rebooted${back}`);
}

async function withSession<T>(
  flags: BoardFlags,
  context: Context,
  work: (session: EspSession) => Promise<T>,
): Promise<T> {
  const options = await espOptions(flags, context);
  const lease = takeLease(await boardIdentity(options.source.address), {
    job: "godwit flash",
    ttlMs: leaseMs,
  });
  try {
    const session = await EspSession.connect(options);
    try {
      const board = boardOf(flags);
      if (board && board.chip !== session.target.id) {
        throw new DeviceError(
          "wrong-board",
          `expected ${board.chip}, found ${session.target.name}`,
          {
            hint: "godwit devices, then give the right --port or --board",
          },
        );
      }
      const result = await work(session);
      await session.hardReset();
      return result;
    } finally {
      await session.close();
    }
  } finally {
    lease.release();
  }
}

async function identify(flags: BoardFlags, context: Context): Promise<void> {
  const info = await withSession(flags, context, chipInfo);
  context.output.result("chip", { ...info }, `${describeChip(info)}, flash id ${info.flashId}`);
}

async function read(
  part: { offset: number; size: number; file: string },
  flags: BoardFlags,
  context: Context,
): Promise<void> {
  const { output } = context;
  const bar = output.progress("read");
  const bytes = await withSession(flags, context, async (session) => {
    const flashBytes = await session.flashSize();
    if (part.offset + part.size > flashBytes) {
      throw new DeviceError("bad-input", `the flash ends at ${hex(flashBytes)}`, {
        hint: `read at most ${flashBytes - part.offset} bytes from ${hex(part.offset)}`,
      });
    }
    return readFlash(session, part.offset, part.size, (done, total) => bar.update(done / total));
  });
  writeFileOf(part.file, bytes, context);
  bar.end("read: verified");
  output.result("read", { ...part }, `${part.size} bytes from ${hex(part.offset)} in ${part.file}`);
}

async function erase(
  offset: number | undefined,
  size: number | undefined,
  flags: BoardFlags,
  context: Context,
): Promise<void> {
  if (offset !== undefined && (size === undefined || offset % 4096 !== 0 || size % 4096 !== 0)) {
    throw new DeviceError("bad-input", "a region has an offset and a size in whole sectors", {
      hint: "godwit flash erase 0x9000 0x6000",
    });
  }
  await withSession(flags, context, async (session) => {
    if (offset === undefined) return session.eraseAll();
    const flashBytes = await session.flashSize();
    if (offset + size! > flashBytes) {
      throw new DeviceError("bad-input", `the flash ends at ${hex(flashBytes)}`, {
        hint: "choose a region inside; godwit flash erase without one erases everything",
      });
    }
    return session.eraseRegion(offset, size!);
  });
  const what = offset === undefined ? "the whole flash" : `${size} bytes from ${hex(offset)}`;
  context.output.result("erased", { offset: offset ?? 0, size: size ?? null }, `erased ${what}`);
}
