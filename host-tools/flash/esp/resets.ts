// Ways into the bootloader and out of it, as data: what DTR and RTS do, and when.
import { type HostClock, sleep } from "../../serial/clock.ts";
import { DeviceError } from "../../serial/error.ts";
import type { SerialLines, UsbIdentity } from "../../serial/port.ts";
import { shorten } from "../../shorten.ts";

export interface ResetStep extends SerialLines {
  readonly delayMs: number;
}

export interface ResetSequence {
  readonly name: string;
  readonly steps: readonly ResetStep[];
}

function step(dtr: 0 | 1, rts: 0 | 1, delayMs = 0): ResetStep {
  return { dtr: dtr === 1, rts: rts === 1, delayMs };
}

/** Boards with a large capacitor at EN leave reset late: they need the long hold. */
const holdMs = 50;
const longHoldMs = 550;

function classic(bootHoldMs: number): readonly ResetStep[] {
  return [step(0, 1, 100), step(1, 0, bootHoldMs), step(0, 0)];
}

function tight(bootHoldMs: number): readonly ResetStep[] {
  return [step(0, 0), step(1, 1), ...classic(bootHoldMs)];
}

/** Classic two-transistor circuit. The order is the order of tries. */
const uartSequences: readonly ResetSequence[] = [
  { name: "tight", steps: tight(holdMs) },
  { name: "tight, long hold", steps: tight(longHoldMs) },
  { name: "classic", steps: classic(holdMs) },
  { name: "classic, long hold", steps: classic(longHoldMs) },
];

/** Espressif's USB-Serial-JTAG: RTS rising with DTR set means download mode. */
const usbJtagSequence: ResetSequence = {
  name: "usb-jtag",
  steps: [step(0, 0, 100), step(1, 0, 100), step(1, 1), step(0, 1, 100), step(0, 0)],
};

export function isUsbJtag(usb: UsbIdentity | undefined): boolean {
  return usb?.vendorId === 0x303a && usb.productId === 0x1001;
}

/** USB-OTG of the S2, S3 and P4 has small buffers: blocks must fit them. */
export function isUsbOtg(usb: UsbIdentity | undefined): boolean {
  return usb?.vendorId === 0x303a && usb.productId !== 0x1001;
}

/** Bridges with flow control switched on pull RTS when data comes; DTR has to stay asserted against it. */
function keepsDtr(usb: UsbIdentity | undefined): boolean {
  return usb?.vendorId === 0x10c4 && usb.productId === 0xea64;
}

const hardReset: readonly ResetStep[] = [step(0, 0), step(0, 1, 100), step(0, 0)];
const usbHardReset: readonly ResetStep[] = [step(0, 0, 200), step(0, 1, 200), step(0, 0)];
const keepDtrHardReset: readonly ResetStep[] = [step(0, 1, 100), step(1, 1, 100), step(1, 0)];

/** How to restart the board behind a port into its application. */
export function hardResetFor(usb: UsbIdentity | undefined): readonly ResetStep[] {
  if (keepsDtr(usb)) return keepDtrHardReset;
  return isUsbJtag(usb) || isUsbOtg(usb) ? usbHardReset : hardReset;
}

/** The sequences to try, first to last; a custom one is the only one. */
export function sequencesFor(
  usb: UsbIdentity | undefined,
  custom: ResetSequence | undefined,
): readonly ResetSequence[] {
  if (custom) return [custom];
  if (isUsbJtag(usb)) return [usbJtagSequence];
  if (!keepsDtr(usb)) return uartSequences;
  return uartSequences.map(({ name, steps }) => ({ name, steps: steps.slice(0, -1) }));
}

const customStepsMax = 64;
const customDelayMsMax = 10_000;

/**
 * Reads a custom sequence: steps joined by `|`, `D0|D1` for DTR, `R0|R1` for RTS, `U1,0` for both at once,
 * `W0.1` to wait seconds. Lines start released.
 * @throws DeviceError `bad-input` naming the step.
 */
export function parseResetSequence(text: string): ResetSequence {
  const parts = text.split("|");
  if (parts.length > customStepsMax) throw badSequence(text, `more than ${customStepsMax} steps`);
  let lines: SerialLines = { dtr: false, rts: false };
  const steps = parts.map((part, index): ResetStep => {
    const wait = /^W(\d+(?:\.\d+)?)$/.exec(part);
    const delayMs = wait ? Number(wait[1]) * 1000 : 0;
    if (delayMs > customDelayMsMax) throw badSequence(text, `step ${index + 1} waits over 10 s`);
    const single = /^([DR])([01])$/.exec(part);
    const both = /^U([01]),([01])$/.exec(part);
    if (single?.[1] === "D") lines = { ...lines, dtr: single[2] === "1" };
    else if (single) lines = { ...lines, rts: single[2] === "1" };
    else if (both) lines = { dtr: both[1] === "1", rts: both[2] === "1" };
    else if (!wait) throw badSequence(text, `step ${index + 1} is '${shorten(part)}'`);
    return { ...lines, delayMs };
  });
  return { name: "custom", steps };
}

function badSequence(text: string, what: string): DeviceError {
  return new DeviceError("bad-input", `reset sequence '${shorten(text)}': ${what}`, {
    hint: "use steps like D0|R1|W0.1|D1|R0|W0.05|D0 (W waits seconds)",
  });
}

interface LineSetter {
  readonly clock: HostClock;
  setLines(lines: SerialLines): Promise<void>;
}

export async function runSteps(link: LineSetter, steps: readonly ResetStep[]): Promise<void> {
  for (const { dtr, rts, delayMs } of steps) {
    await link.setLines({ dtr, rts });
    if (delayMs > 0) await sleep(link.clock, delayMs);
  }
}
