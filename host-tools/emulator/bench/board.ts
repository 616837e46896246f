// What every virtual board is: lines and bytes in, bytes out, on a clock that is given to it.
import type { SerialLines, UsbIdentity } from "../../serial/port.ts";

/** What the board may do to the line it is plugged into. */
export interface BoardHost {
  send(bytes: Uint8Array): void;
  /** Drops off the bus and comes back after `forMs` (native USB at a reset); Infinity: stays away. */
  reenumerate(forMs: number): void;
}

export interface VirtualBoard {
  readonly usb: UsbIdentity | undefined;
  /** Speed of the board's side; bytes at another speed arrive as noise. 0: speed does not matter (USB). */
  readonly baud: number;
  plugInto(host: BoardHost): void;
  /** Power on (true) or off. A board starts without power. */
  setPower(isOn: boolean): void;
  setLines(lines: SerialLines): void;
  /** The host chose a speed; only 1200-baud-touch boards care. */
  hostBaud(baud: number): void;
  receive(bytes: Uint8Array): void;
}
