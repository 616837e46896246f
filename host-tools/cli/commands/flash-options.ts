// What the commands that talk to a board have in common: port, board, speed, reset.
import type { Command } from "commander";
import { type Board, findBoard } from "../../boards/board.ts";
import { choosePort } from "../../boards/choose-port.ts";
import { parseResetSequence } from "../../flash/esp/resets.ts";
import type { EspOptions } from "../../flash/esp/session.ts";
import { realClock } from "../../serial/clock.ts";
import { DeviceError } from "../../serial/error.ts";
import { type Lease, takeLease } from "../../serial/lease.ts";
import { boardIdentity, listPorts } from "../../serial/list.ts";
import { requirePermission } from "../../serial/native.ts";
import { portSource } from "../../serial/source.ts";
import { shorten } from "../../shorten.ts";
import type { Context } from "../command.ts";

/** Longer than any job takes; a job that ends lets go at once. */
const leaseMs = 600_000;

export interface BoardFlags {
  readonly port?: string;
  readonly board?: string;
  readonly baud?: number;
  readonly stub: boolean;
  readonly reset?: string;
  /** The board that it has to be. */
  readonly mac?: string;
}

/** Refuses what cannot be a board's name. @throws DeviceError `bad-input` */
export function requireMac({ mac }: BoardFlags): void {
  if (mac === undefined || /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(mac)) return;
  throw new DeviceError("bad-input", `'${shorten(mac)}' is no MAC address`, {
    hint: "use aa:bb:cc:dd:ee:ff; godwit flash id tells it",
  });
}

export function addBoardOptions(command: Command): Command {
  return command
    .option("--port <address>", "path or rfc2217://host:port (or GODWIT_PORT)")
    .option("--board <id>", "board or chip that must be there (boards/)")
    .option("--baud <n>", "speed of the transfer", parseBaud)
    .option("--no-stub", "use the chip's ROM only: slower, fewer features")
    .option("--reset <sequence>", "custom way into the bootloader, like D0|R1|W0.1|D1|R0|W0.05|D0");
}

/** The address: named, from the environment, or the only board. */
export async function addressOf(
  flags: { port?: string },
  context: Context,
  family?: "esp" | "rp",
): Promise<string> {
  const environment = context.env.GODWIT_PORT;
  const ports = await listPorts();
  return choosePort({ port: flags.port, environment, ports, ...(family ? { family } : {}) });
}

export function boardOf(flags: { board?: string }): Board | undefined {
  return flags.board === undefined ? undefined : findBoard(flags.board);
}

/** What an ESP session needs, from flags and board file. */
export async function espOptions(flags: BoardFlags, context: Context): Promise<EspOptions> {
  const address = await addressOf(flags, context, "esp");
  const sequence = flags.reset ?? boardOf(flags)?.resetSequence;
  return {
    source: portSource(address),
    clock: realClock,
    useStub: flags.stub,
    ...(flags.baud === undefined ? {} : { baud: flags.baud }),
    ...(sequence === undefined ? {} : { resetSequence: parseResetSequence(sequence) }),
  };
}

/** `4096`, `0x1000`, `4K`, `1M`. @throws DeviceError `bad-input` */
export function parseCount(text: string): number {
  const match = /^(0x[0-9a-f]{1,8}|\d{1,10})([KM]?)$/i.exec(text);
  if (!match) {
    throw new DeviceError("bad-input", `'${shorten(text)}' is no number`, {
      hint: "write 4096, 0x1000, 4K or 1M",
    });
  }
  const unit = match[2] === "" ? 1 : match[2]!.toUpperCase() === "K" ? 1024 : 1 << 20;
  return Number(match[1]) * unit;
}

const baudMin = 300;
const baudMax = 20_000_000;

/** @throws DeviceError `bad-input` */
export function parseBaud(text: string): number {
  const baud = parseCount(text);
  if (baud >= baudMin && baud <= baudMax) return baud;
  throw new DeviceError("bad-input", `'${shorten(text)}' is no speed of a serial line`, {
    hint: "--baud 115200",
  });
}

/**
 * Keeps other jobs off the board at `address` until it is released.
 * @throws DeviceError `port-busy`, or `no-permission` for a port that this user may not open anyway
 */
export async function leaseOf(address: string, { output }: Context): Promise<Lease> {
  requirePermission(address);
  const onNote = (text: string) => output.note(text);
  return takeLease(await boardIdentity(address), { job: "godwit flash", ttlMs: leaseMs, onNote });
}
