// What can go wrong between a PC and a board, each case with its own code; exit codes by cause.
import { exitCodes, UserError } from "../user-error.ts";

export const deviceErrorExits = {
  "no-device": exitCodes.noDevice,
  "ambiguous-device": exitCodes.noDevice,
  "wrong-board": exitCodes.noDevice,
  "port-gone": exitCodes.unreachable,
  "no-bootloader": exitCodes.unreachable,
  "app-running": exitCodes.unreachable,
  "lost-bootloader": exitCodes.unreachable,
  "no-reply": exitCodes.unreachable,
  refused: exitCodes.unreachable,
  "stub-failed": exitCodes.unreachable,
  "unknown-chip": exitCodes.unreachable,
  "port-busy": exitCodes.bench,
  "port-failed": exitCodes.bench,
  "power-stuck": exitCodes.bench,
  "no-permission": exitCodes.usage,
  "stub-missing": exitCodes.usage,
  "secure-download": exitCodes.usage,
  "bad-input": exitCodes.usage,
  "bad-image": exitCodes.usage,
  "wrong-chip": exitCodes.usage,
  "does-not-fit": exitCodes.usage,
  overlap: exitCodes.usage,
  "verify-failed": exitCodes.verification,
  timeout: exitCodes.timeout,
  "fail-text": exitCodes.failed,
} as const;

export type DeviceErrorCode = keyof typeof deviceErrorExits;

export interface DeviceErrorOptions {
  /** One thing to do next; shown after "try: ". */
  readonly hint?: string;
  readonly cause?: unknown;
}

/** An error caused by the board, the line or the input; never by a bug of ours. */
export class DeviceError extends UserError {
  declare readonly code: DeviceErrorCode;

  constructor(code: DeviceErrorCode, message: string, options: DeviceErrorOptions = {}) {
    super(message, { ...options, code, exitCode: deviceErrorExits[code] });
  }
}

/** True when `error` is a DeviceError with one of `codes` (any code when none is given). */
export function isDeviceError(error: unknown, ...codes: DeviceErrorCode[]): error is DeviceError {
  return error instanceof DeviceError && (codes.length === 0 || codes.includes(error.code));
}
