// `godwit flash`: images onto a board, verified; reading, erasing and identifying its flash.
import { basename } from "node:path";
import type { Command } from "commander";
import {
  type ChipInfo,
  chipInfo,
  type FlashResult,
  runFlashJob,
  tryReset,
} from "../../flash/esp/job.ts";
import { readFlash } from "../../flash/esp/read.ts";
import { type FlashRegion, hex } from "../../flash/esp/regions.ts";
import { EspSession } from "../../flash/esp/session.ts";
import { isElf } from "../../flash/rp2040/elf.ts";
import { isUf2 } from "../../flash/rp2040/uf2.ts";
import { DeviceError } from "../../serial/error.ts";
import { takeLease } from "../../serial/lease.ts";
import { boardIdentity } from "../../serial/list.ts";
import { shorten } from "../../shorten.ts";
import type { Context } from "../command.ts";
import { readFileOf, requireWritable, writeFileOf } from "../files.ts";
import { checkEspFiles, regionOf, type SettingsFlags, settingsOf } from "../flash/esp-files.ts";
import { flashUf2, rpChipOf, type Uf2Flags, uf2OfSegments } from "../flash/uf2.ts";
import {
  addBoardOptions,
  type BoardFlags,
  boardOf,
  espOptions,
  leaseMs,
  parseCount,
} from "./flash-options.ts";

interface FlashFlags extends Uf2Flags, SettingsFlags {
  readonly skip: boolean;
  readonly compress: boolean;
  readonly eraseAll?: boolean;
  readonly mac?: string;
}

/** Adds the verb. */
export function register(command: Command, context: Context): void {
  addBoardOptions(command)
    .argument("[files...]", "file@offset for ESP chips; one .uf2 or .elf for RP2040 and RP2350")
    .option(
      "--verify",
      "read every byte back, besides the checksums the chip computes (Pico: no error at all)",
    )
    .option("--no-skip", "write also what is there already")
    .option("--no-compress", "send the bytes as they are")
    .option("--no-after", "leave the board in its bootloader (Pico: do not wait for its port)")
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
  if (single && (isUf2(single) || isElf(single) || /\.uf2$/i.test(files[0]!))) {
    const path = files[0]!;
    await flashUf2({ name: shorten(basename(path)), path, bytes: single }, flags, context);
    return;
  }
  const regions = files.map((argument) => regionOf(argument, context));
  const chip = rpChipOf(boardOf(flags));
  if (chip) {
    const segments = regions.map(({ offset, bytes }) => ({ address: offset, bytes }));
    const names = shorten(regions.map(({ name }) => name).join(", "));
    const bytes = uf2OfSegments(segments, names, chip);
    await flashUf2({ name: names, path: files.join(" "), bytes }, flags, context);
    return;
  }
  await flashEsp(regions, flags, context);
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
  checkEspFiles(regions, board, settings);
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
      return await work(session);
    } finally {
      // Refused or done, the application runs again.
      await tryReset(session);
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

/** No chip has more; what does not fit this one is refused once its size is known. */
const partBytesMax = 128 << 20;

interface FlashPart {
  readonly offset: number;
  readonly size: number;
}

/** Refuses what no board can give, before one is disturbed. */
function requirePart({ offset, size }: FlashPart, what: string): void {
  if (size === 0) {
    throw new DeviceError("bad-input", `a ${what} of 0 bytes does nothing`, {
      hint: `give a size: godwit flash ${what} ${hex(offset)} 0x1000${what === "read" ? " <file>" : ""}`,
    });
  }
  if (offset + size > partBytesMax) {
    throw new DeviceError("bad-input", `no flash holds ${size} bytes from ${hex(offset)}`, {
      hint: "godwit flash id tells how much there is",
    });
  }
}

function requireInside({ offset, size }: FlashPart, flashBytes: number): void {
  if (offset + size <= flashBytes) return;
  const left = flashBytes - offset;
  throw new DeviceError("bad-input", `the flash ends at ${hex(flashBytes)}`, {
    hint:
      left > 0
        ? `at most ${left} bytes from ${hex(offset)}`
        : `choose an offset below ${hex(flashBytes)}`,
  });
}

async function read(
  part: FlashPart & { file: string },
  flags: BoardFlags,
  context: Context,
): Promise<void> {
  const { output } = context;
  requirePart(part, "read");
  requireWritable(part.file, context);
  const bar = output.progress("read");
  const bytes = await withSession(flags, context, async (session) => {
    requireInside(part, await session.flashSize());
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
  const part = offset === undefined ? undefined : { offset, size: size ?? Number.NaN };
  if (part && !(part.offset % 4096 === 0 && part.size % 4096 === 0)) {
    throw new DeviceError("bad-input", "a region has an offset and a size in whole sectors", {
      hint: "godwit flash erase 0x9000 0x6000; without a region everything is erased",
    });
  }
  if (part) requirePart(part, "erase");
  await withSession(flags, context, async (session) => {
    if (!part) return session.eraseAll();
    requireInside(part, await session.flashSize());
    return session.eraseRegion(part.offset, part.size);
  });
  const what = part ? `${part.size} bytes from ${hex(part.offset)}` : "the whole flash";
  context.output.result("erased", part ?? { offset: 0, size: null }, `erased ${what}`);
}
