// `godwit monitor`: a board's output with times, panics decoded, positions in TypeScript.
import { createWriteStream, openSync, type WriteStream } from "node:fs";
import { resolve } from "node:path";
import type { Command } from "commander";
import { hardResetFor, runSteps } from "../../flash/esp/resets.ts";
import { type AddressDecoder, addressDecoder } from "../../monitor/addr2line.ts";
import { type MonitorEvent, type MonitorOptions, runMonitor } from "../../monitor/monitor.ts";
import { openSourcePositions } from "../../monitor/source-positions.ts";
import { realClock } from "../../serial/clock.ts";
import { DeviceError } from "../../serial/error.ts";
import type { SerialPort } from "../../serial/port.ts";
import { portSource } from "../../serial/source.ts";
import { shorten } from "../../shorten.ts";
import type { Context } from "../command.ts";
import { writing } from "../files.ts";
import { printable } from "../output.ts";
import { addressOf, boardOf, parseBaud } from "./flash-options.ts";

interface Flags {
  readonly port?: string;
  readonly board?: string;
  readonly baud?: number;
  readonly until?: string;
  readonly failOn?: string;
  readonly failOnPanic?: boolean;
  readonly timeout?: number;
  readonly reset?: boolean;
  readonly tee?: string;
  readonly elf?: string;
  readonly maps?: string;
}

const defaultBaud = 115_200;

/** Adds the verb. */
export function register(command: Command, context: Context): void {
  command
    .option("--port <address>", "path or rfc2217://host:port (or GODWIT_PORT)")
    .option("--board <id>", "board file, for its speed")
    .option("--baud <n>", "speed of the line (debug builds of Moddable: 460800)", parseBaud)
    .option("--until <regex>", "end well at the first line that matches")
    .option("--fail-on <regex>", "end with exit code 1 at the first line that matches")
    .option("--fail-on-panic", "end with exit code 1 when the board panics")
    .option("--timeout <seconds>", "end with exit code 6 after this time", Number)
    .option("--reset", "reset the board first (otherwise attaching leaves it alone)")
    .option("--tee <file>", "save the raw bytes too")
    .option("--elf <file>", "decode addresses with the addr2line found in PATH")
    .option("--maps <folder>", "compiled .js with source maps: positions in .ts")
    .action(async (flags: Flags) => monitor(flags, context));
}

function regexOf(name: string, text: string | undefined): RegExp | undefined {
  if (text === undefined) return undefined;
  try {
    return new RegExp(text);
  } catch (cause) {
    throw new DeviceError("bad-input", `${name}: ${shorten((cause as Error).message, 200)}`, {
      hint: "escape special characters with a backslash",
      cause,
    });
  }
}

async function resetBoard(port: SerialPort): Promise<void> {
  const link = { clock: realClock, setLines: port.setLines.bind(port) };
  await runSteps(link, hardResetFor(port.usb));
}

function decoderOf(flags: Flags, context: Context): AddressDecoder | undefined {
  if (flags.elf === undefined) return undefined;
  const found = addressDecoder(resolve(context.cwd, flags.elf), context.env.PATH ?? "");
  if ("decode" in found) return found.decode;
  context.output.note(`addresses stay undecoded: ${found.missing}`);
  return undefined;
}

/** Opened before the board is: a path that cannot be written ends the command at once. */
function teeOf(path: string | undefined, { cwd, output }: Context): WriteStream | undefined {
  if (path === undefined) return undefined;
  const fd = writing(path, () => openSync(resolve(cwd, path), "w"));
  const stream = createWriteStream("", { fd });
  stream.on("error", (error) => output.note(`${path} is incomplete: ${error.message}`));
  return stream;
}

async function monitor(flags: Flags, context: Context): Promise<void> {
  const { output, cwd } = context;
  if (flags.timeout !== undefined && !(flags.timeout > 0)) {
    throw new DeviceError("bad-input", "--timeout must be a number of seconds above 0", {
      hint: "--timeout 30",
    });
  }
  const until = regexOf("--until", flags.until);
  const failOn = regexOf("--fail-on", flags.failOn);
  const decode = decoderOf(flags, context);
  const { maps } = flags;
  const positions = maps === undefined ? undefined : openSourcePositions(resolve(cwd, maps), cwd);
  const source = portSource(await addressOf(flags, context));
  const tee = teeOf(flags.tee, context);
  const options: MonitorOptions = {
    source,
    clock: realClock,
    baud: flags.baud ?? boardOf(flags)?.monitorBaud ?? defaultBaud,
    signal: context.interrupted(),
    onEvent: (event) => show(event, context),
    failOnPanic: flags.failOnPanic ?? false,
    ...(tee ? { onBytes: (bytes: Uint8Array) => void tee.write(bytes) } : {}),
    ...(until ? { until } : {}),
    ...(failOn ? { failOn } : {}),
    ...(flags.timeout === undefined ? {} : { timeoutMs: flags.timeout * 1000 }),
    ...(flags.reset ? { reset: resetBoard } : {}),
    ...(decode ? { decode } : {}),
    ...(positions ? { positions } : {}),
  };
  try {
    const end = await runMonitor(options);
    output.result("end", { ...end }, "");
  } finally {
    await new Promise<void>((done) => (tee ? tee.end(done) : done()));
  }
}

function show(event: MonitorEvent, context: Context): void {
  const { output } = context;
  const stamp = output.style("dim", `${(event.hostMs / 1000).toFixed(3).padStart(9)} `);
  const { kind, ...fields } = event;
  const text = describe(event);
  if (event.kind === "connected" || event.kind === "disconnected") {
    output.note(`${event.kind}: ${event.reason}`);
    output.result(kind, fields, "");
    return;
  }
  output.result(kind, fields, text === "" ? "" : stamp + text);
}

function describe(event: MonitorEvent): string {
  switch (event.kind) {
    case "line":
      return printable(event.text);
    case "decoded":
      return event.frames
        .map(({ address, text }) => `  0x${address.toString(16)}  ${printable(text)}`)
        .join("\n");
    case "xsbug":
      return describeXsbug(event.event);
    case "finding":
      // People see the line itself; findings are for programs.
      return "";
    default:
      return "";
  }
}

function describeXsbug(event: Extract<MonitorEvent, { kind: "xsbug" }>["event"]): string {
  switch (event.kind) {
    case "login":
      return `machine ${event.machine} (${printable(event.name)}) connected`;
    case "log":
      return printable(event.text.trimEnd());
    case "break":
      return `${event.path}:${event.line}: ${printable(event.message.trim())}`;
    case "sample":
      return Object.entries(event.values)
        .map(([name, value]) => `${printable(name)} ${value}`)
        .join(", ");
    case "closed":
      return `machine ${event.machine} ended`;
  }
}
