// A serial port in memory: the other end is an object, for tests and for the virtual bench.
import { DeviceError } from "./error.ts";
import type { PortEvents, PortSource, SerialLines, SerialPort, UsbIdentity } from "./port.ts";

/** The far end of a memory port. */
export interface MemoryPeer {
  /** False while nothing is plugged in: opening fails. */
  readonly isAttached: boolean;
  readonly usb?: UsbIdentity | undefined;
  /** Called when somebody opens; the peer keeps `line` to send bytes or to hang up. */
  opened(line: MemoryLine): void;
  received(bytes: Uint8Array): void;
  linesChanged(lines: SerialLines): void;
  baudChanged(baud: number): void;
  closed(): void;
}

/** What a peer holds while its port is open. */
export interface MemoryLine {
  deliver(bytes: Uint8Array): void;
  /** The plug is pulled. */
  hangUp(): void;
}

function gone(path: string): DeviceError {
  return new DeviceError("port-gone", `${path} has disappeared`, {
    hint: "check the cable, then run the same command again",
  });
}

class MemoryPort implements SerialPort {
  readonly path: string;
  readonly usb: UsbIdentity | undefined;
  readonly #peer: MemoryPeer;
  #isOpen = true;

  constructor(path: string, peer: MemoryPeer, events: PortEvents) {
    this.path = path;
    this.usb = peer.usb;
    this.#peer = peer;
    peer.opened({
      deliver: (bytes) => {
        if (this.#isOpen) events.onData(bytes);
      },
      hangUp: () => {
        if (!this.#isOpen) return;
        this.#isOpen = false;
        events.onClose(gone(path));
      },
    });
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.#require();
    this.#peer.received(bytes);
  }

  async setLines(lines: SerialLines): Promise<void> {
    this.#require();
    this.#peer.linesChanged(lines);
  }

  async setBaud(baud: number): Promise<void> {
    this.#require();
    this.#peer.baudChanged(baud);
  }

  async close(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#peer.closed();
  }

  #require(): void {
    if (!this.#isOpen) throw gone(this.path);
  }
}

/** A source whose port leads to `peer()`, asked anew at every opening (boards may swap names). */
export function memorySource(address: string, peer: () => MemoryPeer): PortSource {
  let current: MemoryPort | undefined;
  return {
    address,
    async open(baud, events) {
      const end = peer();
      if (!end.isAttached) {
        throw new DeviceError("no-device", `nothing is plugged in at ${address}`, {
          hint: "godwit devices",
        });
      }
      await current?.close();
      current = new MemoryPort(address, end, events);
      end.baudChanged(baud);
      return current;
    },
  };
}
