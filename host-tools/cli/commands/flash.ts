// `godwit flash`: images onto a board, verified; reading, erasing and identifying its flash.
import { existsSync } from "node:fs";
import { basename, resolve } from "node:path";
import type { Command } from "commander";
import { type FlashResult, runFlashJob } from "../../flash/esp/job.ts";
import { keptFiles, keptFolder } from "../../flash/esp/kept-files.ts";
import { type FlashRegion, hex } from "../../flash/esp/regions.ts";
import { isElf } from "../../flash/rp2040/elf.ts";
import { isUf2 } from "../../flash/rp2040/uf2.ts";
import { DeviceError } from "../../serial/error.ts";
import { shorten } from "../../shorten.ts";
import type { Context } from "../command.ts";
import { didYouMean } from "../did-you-mean.ts";
import { readFileOf } from "../files.ts";
import { describeChip, erase, identify, read } from "../flash/esp-commands.ts";
import { checkEspFiles, regionOf, type SettingsFlags, settingsOf } from "../flash/esp-files.ts";
import { flashUf2, rpChipOf, type Uf2Flags, uf2OfSegments } from "../flash/uf2.ts";
import {
  addBoardOptions,
  type BoardFlags,
  boardOf,
  espOptions,
  leaseOf,
  parseCount,
  requireMac,
} from "./flash-options.ts";

const subcommands = ["id", "read", "erase"];

interface FlashFlags extends Uf2Flags, SettingsFlags {
  readonly skip: boolean;
  readonly compress: boolean;
  readonly eraseAll?: boolean;
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
  refuseMisspelt(files[0]!, context);
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

/** `flash reed` is a misspelt `flash read`, unless there is such a file. */
function refuseMisspelt(word: string, { cwd }: Context): void {
  const near = didYouMean(word, subcommands);
  if (near === undefined || existsSync(resolve(cwd, word))) return;
  throw new DeviceError("bad-input", `unknown command 'godwit flash ${shorten(word)}'`, {
    hint: `godwit flash ${near}`,
  });
}

async function flashEsp(
  regions: readonly FlashRegion[],
  flags: FlashFlags,
  context: Context,
): Promise<void> {
  const { output } = context;
  const settings = settingsOf(flags);
  requireMac(flags);
  const board = boardOf(flags);
  checkEspFiles(regions, board, settings);
  const signal = context.interrupted();
  const options = await espOptions(flags, context);
  const lease = await leaseOf(options.source.address, context);
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
      keeper: keptFiles(keptFolder(context.env)),
      signal,
      onChip: (info) => output.note(describeChip(info)),
      onProgress: ({ phase, doneBytes, totalBytes, note }) => {
        if (note !== undefined)
          output.note(`${phase === "restore" ? "neighbours" : "recovering"}: ${note}`);
        else if (phase !== "compare") bar.update(doneBytes / Math.max(1, totalBytes), phase);
      },
    });
    bar.end("flash: verified");
    output.result("flashed", { ...result }, describeResult(result));
  } finally {
    lease.release();
  }
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
