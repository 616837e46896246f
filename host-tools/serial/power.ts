// Power over a board, and the proof that it was really cut: many hubs answer "off" and leave the port on.
import { spawn } from "node:child_process";
import { type HostClock, sleep } from "./clock.ts";
import { DeviceError } from "./error.ts";
import type { PortSource } from "./port.ts";
import { isThere } from "./source.ts";

export interface PowerSwitch {
  /** Resolves when the switch says it is done; that is no proof. */
  set(isOn: boolean): Promise<void>;
}

export interface PowerCommands {
  /** Program and arguments, for example `["uhubctl", "-l", "1-1", "-p", "2", "-a", "on"]`. */
  readonly on: readonly string[];
  readonly off: readonly string[];
}

const commandTimeoutMs = 15_000;
const offMs = 1500;
const vanishMs = 3000;
const returnMs = 10_000;
const pollMs = 200;

/** A switch that runs a program: uhubctl, a relay's tool, a script of the bench. */
export function commandSwitch(commands: PowerCommands): PowerSwitch {
  return { set: (isOn) => runCommand(isOn ? commands.on : commands.off) };
}

function runCommand(command: readonly string[]): Promise<void> {
  const [program = "", ...args] = command;
  const what = command.join(" ");
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: "ignore", timeout: commandTimeoutMs });
    const fail = (why: string, cause?: unknown) =>
      reject(
        new DeviceError("power-stuck", `'${what}' ${why}`, {
          hint: "run it by hand; check the bench's power settings",
          cause,
        }),
      );
    child.once("error", (cause) => fail(`cannot be run: ${cause.message}`, cause));
    child.once("close", (code, signal) =>
      code === 0 ? resolve() : fail(`ended with ${signal ?? code}`),
    );
  });
}

async function becomes(
  source: PortSource,
  clock: HostClock,
  wanted: { isThere: boolean; withinMs: number },
): Promise<boolean> {
  const deadlineMs = clock.nowMs() + wanted.withinMs;
  for (;;) {
    if ((await isThere(source)) === wanted.isThere) return true;
    if (clock.nowMs() >= deadlineMs) return false;
    await sleep(clock, pollMs);
  }
}

/**
 * Cuts and restores power, believing the port rather than the switch.
 * @throws DeviceError `power-stuck` when the port does not vanish or does not come back
 */
export async function powerCycle(
  power: PowerSwitch,
  source: PortSource,
  clock: HostClock,
): Promise<void> {
  await power.set(false);
  if (!(await becomes(source, clock, { isThere: false, withinMs: vanishMs }))) {
    await power.set(true);
    throw new DeviceError("power-stuck", `${source.address} is still there with its power "off"`, {
      hint: "this hub does not switch that port; use one that does, or a relay",
    });
  }
  await sleep(clock, offMs);
  await power.set(true);
  if (!(await becomes(source, clock, { isThere: true, withinMs: returnMs }))) {
    throw new DeviceError(
      "power-stuck",
      `${source.address} did not come back after a power cycle`,
      {
        hint: "check the board and its cable",
      },
    );
  }
}
