// The cable between a host's port and a virtual board: speed, noise at wrong speeds, plugging, faults.
import type { HostClock } from "../../serial/clock.ts";
import type { MemoryLine, MemoryPeer } from "../../serial/memory.ts";
import type { SerialLines, UsbIdentity } from "../../serial/port.ts";
import type { VirtualBoard } from "./board.ts";

const bitsPerByte = 10;

/** Changes a portion of bytes on its way: nothing (lost), one, several (repeated, split). */
export type WireFault = (
  bytes: Uint8Array,
  direction: "toBoard" | "toHost",
) => readonly Uint8Array[];

export interface WireOptions {
  readonly clock: HostClock;
  /** Bytes take the time they would on a UART. Default true. */
  readonly isPaced?: boolean;
  /** The transport does not carry speeds (a pseudo terminal): both sides always understand each other. */
  readonly isSpeedless?: boolean;
  readonly fault?: WireFault;
}

/** One direction of the line: portions leave in order, each after its time on the wire. */
class Lane {
  readonly #clock: HostClock;
  #freeAtMs = 0;
  bytes = 0;
  busyMs = 0;

  constructor(clock: HostClock) {
    this.#clock = clock;
  }

  carry(portion: Uint8Array, baud: number, arrive: (portion: Uint8Array) => void): void {
    const nowMs = this.#clock.nowMs();
    const wireMs = baud > 0 ? (portion.length * bitsPerByte * 1000) / baud : 0;
    this.#freeAtMs = Math.max(nowMs, this.#freeAtMs) + wireMs;
    this.bytes += portion.length;
    this.busyMs += wireMs;
    this.#clock.after(this.#freeAtMs - nowMs, () => arrive(portion));
  }
}

export class Wire implements MemoryPeer {
  readonly board: VirtualBoard;
  readonly #options: WireOptions;
  readonly #toBoard: Lane;
  readonly #toHost: Lane;
  #line: MemoryLine | undefined;
  #hostBaud = 115_200;
  #isPlugged = true;
  #isEnumerated = true;
  #plugging = 0;

  constructor(board: VirtualBoard, options: WireOptions) {
    this.board = board;
    this.#options = options;
    this.#toBoard = new Lane(options.clock);
    this.#toHost = new Lane(options.clock);
    board.plugInto({
      send: (bytes) => this.#send(bytes),
      reenumerate: (forMs) => this.#reenumerate(forMs),
    });
    board.setPower(true);
  }

  get isAttached(): boolean {
    return this.#isPlugged && this.#isEnumerated;
  }

  get usb(): UsbIdentity | undefined {
    return this.board.usb;
  }

  /** Bytes carried and the time they kept the line busy, both directions. */
  get traffic(): { toBoardBytes: number; toHostBytes: number; wireMs: number } {
    return {
      toBoardBytes: this.#toBoard.bytes,
      toHostBytes: this.#toHost.bytes,
      wireMs: this.#toBoard.busyMs + this.#toHost.busyMs,
    };
  }

  /** Pulls the plug: the board loses power, the host its port. */
  unplug(): void {
    if (!this.#isPlugged) return;
    this.#isPlugged = false;
    this.#plugging++;
    this.board.setPower(false);
    this.#drop();
  }

  plug(): void {
    if (this.#isPlugged) return;
    this.#isPlugged = true;
    this.#isEnumerated = true;
    this.board.setPower(true);
  }

  #drop(): void {
    const line = this.#line;
    this.#line = undefined;
    line?.hangUp();
  }

  #reenumerate(forMs: number): void {
    this.#isEnumerated = false;
    this.#drop();
    if (!Number.isFinite(forMs)) return;
    this.#options.clock.after(forMs, () => {
      this.#isEnumerated = true;
    });
  }

  opened(line: MemoryLine): void {
    this.#line = line;
  }

  closed(): void {
    this.#line = undefined;
  }

  linesChanged(lines: SerialLines): void {
    this.board.setLines(lines);
  }

  baudChanged(baud: number): void {
    this.#hostBaud = baud;
    this.board.hostBaud(baud);
  }

  received(bytes: Uint8Array): void {
    for (const portion of this.#faulty(bytes, "toBoard")) {
      const plugging = this.#plugging;
      const heard = this.#asHeard(portion);
      this.#toBoard.carry(heard, this.#speed(this.#hostBaud), (arrived) => {
        if (plugging === this.#plugging && this.#isPlugged) this.board.receive(arrived);
      });
    }
  }

  #send(bytes: Uint8Array): void {
    for (const portion of this.#faulty(bytes, "toHost")) {
      const heard = this.#asHeard(portion);
      this.#toHost.carry(heard, this.#speed(this.board.baud), (arrived) => {
        if (this.isAttached) this.#line?.deliver(arrived);
      });
    }
  }

  #faulty(bytes: Uint8Array, direction: "toBoard" | "toHost"): readonly Uint8Array[] {
    return this.#options.fault?.(bytes, direction) ?? [new Uint8Array(bytes)];
  }

  #speed(baud: number): number {
    return (this.#options.isPaced ?? true) ? baud : 0;
  }

  /** At the wrong speed every byte arrives as another one. */
  #asHeard(portion: Uint8Array): Uint8Array {
    const { baud } = this.board;
    if (this.#options.isSpeedless) return portion;
    if (baud === 0 || Math.abs(baud - this.#hostBaud) <= baud * 0.03) return portion;
    return portion.map((byte) => (byte ^ 0xa5) & 0x7f);
  }
}
