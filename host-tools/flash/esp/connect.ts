// From an unknown port to a synchronised loader of a known chip.
import { sleep } from "../../serial/clock.ts";
import { DeviceError, isDeviceError } from "../../serial/error.ts";
import { isInterruption } from "../../user-error.ts";
import { type EspLink, RefusedError } from "./link.ts";
import { magicRegister, op, syncBody, wordAt, words } from "./protocol.ts";
import { hardResetFor, isUsbJtag, type ResetSequence, runSteps, sequencesFor } from "./resets.ts";
import type { EspTarget } from "./target.ts";
import { espTargets, targetByChipId } from "./targets-table.ts";

export const romBaud = 115_200;
/** Rounds over all reset sequences before giving up. */
const connectRoundsMax = 2;
const syncsPerReset = 5;
const syncTimeoutMs = 100;
const syncReplies = 8;
/** A native-USB board vanishes at reset; this long it may take to come back. */
export const reappearMs = 10_000;
const reappearPollMs = 100;

export interface SecurityInfo {
  readonly flags: number;
  readonly isSecureBoot: boolean;
  readonly isSecureDownload: boolean;
  readonly flashCryptCount: number;
  readonly chipId?: number | undefined;
}

/** Resets into the bootloader and synchronises. Returns true when a stub was already running. */
export async function enterBootloader(
  link: EspLink,
  custom: ResetSequence | undefined,
): Promise<boolean> {
  let lastLog = "";
  for (let round = 0; round < connectRoundsMax; round++) {
    const sequences = sequencesFor(link.port?.usb, custom);
    for (const sequence of sequences) {
      await resetAndReopen(link, sequence);
      const running = await trySync(link);
      if (running !== undefined) return running;
      if (/boot:0x/.test(link.bootLog())) lastLog = link.bootLog();
    }
  }
  throw noBootloader(link.source.address, lastLog);
}

async function resetAndReopen(link: EspLink, sequence: ResetSequence): Promise<void> {
  link.discardInput();
  link.forgetLog();
  const isUsb = isUsbJtag(link.port?.usb);
  try {
    await runSteps(link, sequence.steps);
  } catch (error) {
    if (!isDeviceError(error, "port-gone") || !isUsb) throw error;
  }
  if (!link.port) await reopen(link, romBaud, reappearMs);
}

/** A board that nothing was wrong with, another one than wanted or an interrupted one, goes on as before. */
export async function leaveUnharmed(link: EspLink, error: unknown): Promise<void> {
  if (!link.port || !(isInterruption(error) || isDeviceError(error, "wrong-board"))) return;
  try {
    await runSteps(link, hardResetFor(link.port.usb));
  } catch (failure) {
    if (!isDeviceError(failure)) throw failure;
  }
}

/** Waits for a port that vanished to come back. @throws DeviceError of the last attempt. */
export async function reopen(link: EspLink, baud: number, withinMs: number): Promise<void> {
  const deadlineMs = link.clock.nowMs() + withinMs;
  for (;;) {
    try {
      await link.open(baud);
      return;
    } catch (error) {
      if (!isDeviceError(error) || link.clock.nowMs() >= deadlineMs) throw error;
    }
    await sleep(link.clock, reappearPollMs);
  }
}

/** True or false: synchronised with stub or ROM. Undefined: nobody answered. */
export async function trySync(link: EspLink): Promise<boolean | undefined> {
  for (let attempt = 0; attempt < syncsPerReset; attempt++) {
    try {
      const { value } = await link.request(op.sync, syncBody, { timeoutMs: syncTimeoutMs });
      await swallowRepeats(link);
      return value === 0;
    } catch (error) {
      if (!isDeviceError(error, "no-reply", "refused")) throw error;
    }
  }
  return undefined;
}

/** The ROM answers a sync eight times. Late ones must not be taken for replies to what follows. */
async function swallowRepeats(link: EspLink): Promise<void> {
  for (let reply = 1; reply < syncReplies; reply++) {
    try {
      await link.reply(op.sync, { timeoutMs: syncTimeoutMs });
    } catch (error) {
      if (!isDeviceError(error, "no-reply", "refused")) throw error;
      return;
    }
  }
}

function noBootloader(address: string, log: string): DeviceError {
  const isDownload = /waiting for download/.test(log);
  const bootLine = /boot:0x[0-9a-f]+[^\r\n]*/i.exec(log)?.[0];
  if (bootLine && !isDownload) {
    return new DeviceError(
      "app-running",
      `the board at ${address} started its application instead of the bootloader (${bootLine})`,
      { hint: "hold BOOT, press and release RESET, then run the same command again" },
    );
  }
  if (isDownload) {
    return new DeviceError(
      "no-bootloader",
      `the board at ${address} waits for download but does not hear us`,
      { hint: "check the wire from TX to the board's RX" },
    );
  }
  return new DeviceError("no-bootloader", `no bootloader answers at ${address}`, {
    hint: "godwit devices; hold BOOT while pressing RESET; check that the cable carries data",
  });
}

/** Asks until `times` answers in a row are the same: single commands and replies carry no checksum. */
export async function agree<T>(
  ask: () => Promise<T>,
  isSame: (a: T, b: T) => boolean,
  times = 2,
): Promise<T> {
  const asksMax = 4 + times;
  let last = await ask();
  let same = 1;
  for (let count = 1; count < asksMax; count++) {
    const next = await ask();
    same = isSame(last, next) ? same + 1 : 1;
    if (same === times) return next;
    last = next;
  }
  throw new DeviceError("no-reply", "the board's answers contradict each other", {
    hint: "use a shorter cable or a lower --baud",
  });
}

/** Undefined when the ROM does not know the command (ESP32). */
export async function readSecurityInfo(link: EspLink): Promise<SecurityInfo | undefined> {
  for (const replyBytes of [20, 12] as const) {
    try {
      const { data } = await link.request(op.securityInfo, new Uint8Array(0), { replyBytes });
      const flags = wordAt(data, 0);
      return {
        flags,
        isSecureBoot: (flags & 1) !== 0,
        isSecureDownload: (flags & 4) !== 0,
        flashCryptCount: data[4]!,
        chipId: replyBytes === 20 ? wordAt(data, 12) : undefined,
      };
    } catch (error) {
      if (!(error instanceof RefusedError)) throw error;
      if (error.reason === 5) {
        // Eight refusals are on their way.
        await link.drain(syncTimeoutMs);
        return undefined;
      }
    }
  }
  return undefined;
}

export interface Detected {
  readonly target: EspTarget;
  readonly security: SecurityInfo | undefined;
}

/** @throws DeviceError `unknown-chip`. */
export async function detectChip(link: EspLink): Promise<Detected> {
  return agree(
    () => detectOnce(link),
    (a, b) => a.target === b.target && a.security?.flags === b.security?.flags,
  );
}

async function detectOnce(link: EspLink): Promise<Detected> {
  const security = await readSecurityInfo(link);
  if (security?.chipId !== undefined) {
    const target = targetByChipId(security.chipId);
    if (target) return { target, security };
    throw unknown(`chip id ${security.chipId}`);
  }
  const magic = (await link.request(op.readReg, words(magicRegister))).value;
  const target = espTargets.find((candidate) => candidate.magics.includes(magic));
  if (target) return { target, security };
  throw unknown(`magic word 0x${magic.toString(16)}`);
}

function unknown(what: string): DeviceError {
  const known = espTargets.map((target) => target.name).join(", ");
  return new DeviceError("unknown-chip", `unknown chip (${what}); known: ${known}`, {
    hint: "run the same command again; update godwit if it repeats",
  });
}
