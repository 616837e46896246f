// `godwit bench virtual`: one virtual board behind an RFC 2217 address, until interrupted.
import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Command } from "commander";
import {
  type BenchFault,
  type BenchFaults,
  benchFaults,
} from "../../emulator/bench/bench-faults.ts";
import { demoFirmware, demoUf2 } from "../../emulator/bench/demo-firmware.ts";
import { benchChips, serveVirtualBoard } from "../../emulator/bench/serve.ts";
import { serveVirtualPico } from "../../emulator/bench/serve-pico.ts";
import { hex } from "../../flash/esp/regions.ts";
import { targetById } from "../../flash/esp/targets-table.ts";
import type { RpChip } from "../../flash/rp2040/uf2.ts";
import { DeviceError, isDeviceError } from "../../serial/error.ts";
import { shorten } from "../../shorten.ts";
import type { Context } from "../command.ts";
import { writeFileOf, writing } from "../files.ts";
import { parseCount } from "./flash-options.ts";

interface Flags {
  readonly board: string;
  readonly listen: string;
  readonly fault?: BenchFaults;
  readonly seed?: number;
  readonly flashSize?: number;
  readonly flashFile?: string;
  readonly mac?: string;
  readonly paced?: boolean;
  readonly pty?: boolean;
  readonly drive?: string;
}

const flashMegabytes: readonly number[] = [1, 2, 4, 8, 16, 32];
const picos: readonly string[] = ["rp2040", "rp2350"];
const boardsHelp = [...benchChips, ...picos].join(", ");

function isPico(chip: string): chip is RpChip {
  return picos.includes(chip);
}

function faultsHelp(): string {
  const rows = Object.entries(benchFaults).map(
    ([name, { unit, what }]) => `  ${`${name}=<${unit}>`.padEnd(22)} ${what}`,
  );
  return `
Faults (a share is 0 to 1 of the frames; several faults may be given):
${rows.join("\n")}
  A hub that lies about power has no name here: a served board has no switch. The faults of drives (rp2040,
  rp2350) and the lying hub are simulated in npm run test:long, which runs every fault on every chip.`;
}

/** Adds the verb. */
export function register(command: Command, context: Context): void {
  command
    .command("virtual")
    .description("serve a virtual board that speaks the real bootloader protocol")
    .option("--board <chip>", boardsHelp, "esp32c3")
    .option("--listen <host:port>", "where to listen; port 0 takes any", "127.0.0.1:0")
    .option("--fault <name=value>", "misbehave, as listed below (repeatable)", addFault)
    .option("--seed <n>", "the same seed gives the same faults (default: 1)", parseCount)
    .option("--flash-size <megabytes>", "size of the flash (default: 4)", Number)
    .option("--flash-file <path>", "keep the flash in this file")
    .option("--mac <address>", "MAC address of the board")
    .option("--pty", "behind a pseudo terminal instead (needs socat or python3)")
    .option("--drive <folder>", "where the BOOTSEL drive of rp2040 and rp2350 appears")
    .option("--paced", "bytes take the time they take on a UART")
    .addHelpText("after", faultsHelp())
    .action(async (flags: Flags) => serve(flags, context));
  command
    .command("firmware")
    .description("write a set of images that a virtual board boots and runs")
    .option("--board <chip>", boardsHelp, "esp32c3")
    .argument("<folder>")
    .action((folder: string, flags: { board: string }) => firmware(folder, flags.board, context));
}

function noBoard(chip: string): DeviceError {
  return new DeviceError("bad-input", `no virtual board '${shorten(chip)}'`, {
    hint: `one of: ${boardsHelp}`,
  });
}

function firmware(folder: string, chip: string, context: Context): void {
  const target = targetById(chip);
  if (!target && !isPico(chip)) throw noBoard(chip);
  const files = target ? demoFirmware(target) : [demoUf2(chip as RpChip)];
  writing(folder, () => mkdirSync(resolve(context.cwd, folder), { recursive: true }));
  for (const { name, bytes } of files) writeFileOf(join(folder, name), bytes, context);
  const list = files.map(({ name, offset }) =>
    target ? `${folder}/${name}@${hex(offset)}` : `${folder}/${name}`,
  );
  context.output.result("firmware", { files: list }, `godwit flash ${list.join(" ")}`);
}

function addFault(text: string, faults: BenchFaults = {}): BenchFaults {
  const [name = "", value = ""] = text.split("=");
  const number = value === "" ? Number.NaN : Number(value);
  if (!Object.hasOwn(benchFaults, name) || !(number >= 0 && number < 1e9)) {
    throw new DeviceError("bad-input", `'${shorten(text)}' is no fault`, {
      hint: `name=number with a name of ${Object.keys(benchFaults).join(", ")}`,
    });
  }
  const fault = name as BenchFault;
  if (benchFaults[fault].unit === "share" && number > 1) {
    throw new DeviceError("bad-input", `'${shorten(text)}' is no share`, {
      hint: `${fault}=0.05 hits 5 %`,
    });
  }
  return { ...faults, [fault]: number };
}

/** Says where the board is, waits for the interrupt, closes. */
async function untilInterrupted(
  served: { readonly url: string; close(): Promise<void> },
  fields: Readonly<Record<string, unknown>>,
  context: Context,
): Promise<void> {
  const { output } = context;
  const stop = context.interrupted();
  const { url } = served;
  output.result("serving", { url, ...fields }, `virtual ${String(fields.board)} at ${url}`);
  await new Promise<void>((done) => {
    if (stop.aborted) done();
    stop.addEventListener("abort", () => done(), { once: true });
  });
  await served.close();
}

const espFlags = ["seed", "flashSize", "flashFile", "mac", "pty", "paced"] as const;
const picoFlags = ["drive"] as const;

/** What would change nothing is refused: the command would not do what it says. */
function refuseIdle(flags: Flags, names: readonly (keyof Flags)[]): void {
  const idle = names.filter((name) => flags[name] !== undefined);
  if (idle.length === 0) return;
  const options = idle.map((name) => `--${name.replace(/[A-Z]/g, (at) => `-${at.toLowerCase()}`)}`);
  const verb = options.length === 1 ? "has" : "have";
  throw new DeviceError(
    "bad-input",
    `${options.join(" and ")} ${verb} no effect for ${flags.board}`,
    { hint: `leave ${options.length === 1 ? "it" : "them"} out, or choose another --board` },
  );
}

async function servePico(flags: Flags, context: Context): Promise<void> {
  if (flags.fault) {
    throw new DeviceError("bad-input", "the faults of --fault are those of ESP boards", {
      hint: "leave --fault out; drives that misbehave are part of npm run test:long",
    });
  }
  refuseIdle(flags, espFlags);
  const drive = resolve(context.cwd, flags.drive ?? "RPI-RP2");
  const { host, port } = listenOf(flags.listen);
  const served = await serveVirtualPico({ chip: flags.board as RpChip, host, port, drive });
  context.output.note(
    `try: godwit bench firmware fw --board ${flags.board} && godwit flash fw/app.uf2 --port ${served.url} --drive ${drive}`,
  );
  await untilInterrupted(served, { board: flags.board, drive }, context);
  context.output.result("stopped", { boots: served.board.boots }, "stopped");
}

function listenOf(text: string): { host: string; port: number } {
  const match = /^(.{1,255}):(\d{1,5})$/.exec(text);
  if (!match || Number(match[2]) > 65_535) {
    throw new DeviceError("bad-input", `'${shorten(text)}' is no address`, {
      hint: "--listen 127.0.0.1:0",
    });
  }
  return { host: match[1]!.replace(/^\[|\]$/g, ""), port: Number(match[2]) };
}

/** What goes wrong while the board is served: who reads the events alone has to hear of it too. */
function warn(error: unknown, { output }: Context): void {
  const message = error instanceof Error ? error.message : String(error);
  const { code, hint } = isDeviceError(error) ? error : { code: "port-failed", hint: undefined };
  output.result("warning", { code, message, ...(hint && { try: hint }) }, "");
  output.note(message);
}

async function serve(flags: Flags, context: Context): Promise<void> {
  if (isPico(flags.board)) {
    await servePico(flags, context);
    return;
  }
  if (!targetById(flags.board)) throw noBoard(flags.board);
  refuseIdle(flags, picoFlags);
  const { output, cwd } = context;
  const { board, seed = 1, flashSize = 4, fault = {} } = flags;
  if (!flashMegabytes.includes(flashSize)) {
    throw new DeviceError("bad-input", "a flash has 1, 2, 4, 8, 16 or 32 megabytes", {
      hint: "--flash-size 4",
    });
  }
  const served = await serveVirtualBoard({
    chip: board,
    ...listenOf(flags.listen),
    faults: fault,
    seed,
    flashMegabytes: flashSize,
    isPaced: flags.paced ?? false,
    isPty: flags.pty ?? false,
    ...(flags.flashFile === undefined ? {} : { flashFile: resolve(cwd, flags.flashFile) }),
    ...(flags.mac === undefined ? {} : { mac: flags.mac }),
    onError: (error) => warn(error, context),
  });
  output.note(`try: godwit flash id --port ${served.url}`);
  await untilInterrupted(served, { board, seed, faults: fault }, context);
  output.result("stopped", { resets: served.board.boots.length }, "stopped");
}
