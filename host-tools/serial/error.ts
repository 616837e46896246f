// What can go wrong between a PC and a board, each case with its own code and exit code.

/** Exit codes by cause (see host-tools/cli): 2 input, 3 no or wrong device, 4 device unreachable, ... */
export const deviceErrorExits = {
  "no-device": 3,
  "ambiguous-device": 3,
  "wrong-board": 3,
  "port-gone": 4,
  "port-busy": 7,
  "no-permission": 7,
  "port-failed": 7,
  "no-bootloader": 4,
  "app-running": 4,
  "lost-bootloader": 4,
  "no-reply": 4,
  refused: 4,
  "stub-failed": 4,
  "unknown-chip": 4,
  "secure-download": 2,
  "bad-input": 2,
  "bad-image": 2,
  "wrong-chip": 2,
  "does-not-fit": 2,
  overlap: 2,
  "verify-failed": 5,
  timeout: 6,
  "text-matched": 1,
} as const;

export type DeviceErrorCode = keyof typeof deviceErrorExits;

export interface DeviceErrorOptions {
  /** One thing to do next, starting with a verb; shown after "try: ". */
  hint?: string;
  cause?: unknown;
}

/** An error caused by the board, the line or the input; never by a bug of ours. */
export class DeviceError extends Error {
  readonly code: DeviceErrorCode;
  readonly exitCode: number;
  readonly hint: string | undefined;

  constructor(code: DeviceErrorCode, message: string, options: DeviceErrorOptions = {}) {
    super(message, "cause" in options ? { cause: options.cause } : undefined);
    this.name = "DeviceError";
    this.code = code;
    this.exitCode = deviceErrorExits[code];
    this.hint = options.hint;
  }
}

/** True when `error` is a DeviceError with one of `codes` (any code when none is given). */
export function isDeviceError(error: unknown, ...codes: DeviceErrorCode[]): error is DeviceError {
  return error instanceof DeviceError && (codes.length === 0 || codes.includes(error.code));
}
