// The two ends of a simulated connection. Writes arrive in order after the network's delay.
import type { SocketError } from "../../firmware/ports/socket.ts";
import type { DeviceLink, VirtualNetwork } from "./network.ts";

export interface DeviceEndHandlers {
  onReadable(count: number): void;
  onWritable(count: number): void;
  onError(error: SocketError): void;
}

/** The device's end: ECMA-419 back-pressure (limited window, exact reads). */
export class DeviceEnd {
  readonly name: string;
  readonly link: DeviceLink;
  readonly #network: VirtualNetwork;
  readonly #handlers: DeviceEndHandlers;
  #server: ServerEnd | undefined;
  #inbox: Uint8Array[] = [];
  #inboxBytes = 0;
  #inFlightBytes = 0;
  #state: "opening" | "open" | "closed" = "opening";

  constructor(
    network: VirtualNetwork,
    link: DeviceLink,
    handlers: DeviceEndHandlers,
    name: string,
  ) {
    this.#network = network;
    this.link = link;
    this.#handlers = handlers;
    this.name = name;
  }

  /** Bytes that may be written now. */
  get writableBytes(): number {
    return this.#state === "open" ? this.#network.options.windowBytes - this.#inFlightBytes : 0;
  }

  open(accept: (server: ServerEnd) => void): void {
    if (this.#state !== "opening") return;
    this.#state = "open";
    this.#server = new ServerEnd(this.#network, this);
    this.#network.trace.add(this.#network.clock.nowMs, this.name, "open");
    this.#network.tap?.opened(this.name, this.link.name);
    accept(this.#server);
    if (this.#state === "open") this.#handlers.onWritable(this.writableBytes);
  }

  /** Reads exactly `count` bytes. @throws RangeError past what has arrived. */
  read(count: number): Uint8Array {
    if (count > this.#inboxBytes) {
      throw new RangeError(`read of ${count} bytes, ${this.#inboxBytes} available`);
    }
    const result = new Uint8Array(count);
    for (let filled = 0; filled < count; ) {
      const first = this.#inbox[0]!;
      const taken = Math.min(first.length, count - filled);
      result.set(first.subarray(0, taken), filled);
      filled += taken;
      if (taken === first.length) this.#inbox.shift();
      else this.#inbox[0] = first.subarray(taken);
    }
    this.#inboxBytes -= count;
    return result;
  }

  /** Writes all bytes; returns what may still be written. @throws RangeError beyond the window. */
  write(bytes: Uint8Array): number {
    if (this.#state !== "open") throw new Error("the socket is not open");
    if (bytes.length > this.writableBytes) {
      throw new RangeError(`write of ${bytes.length} bytes, ${this.writableBytes} allowed`);
    }
    const copy = bytes.slice();
    const network = this.#network;
    network.trace.add(network.clock.nowMs, this.name, "up", copy);
    network.tap?.up(this.name, copy);
    this.#inFlightBytes += copy.length;
    if (network.isCut(this.link.name)) {
      this.#lost = true;
      return this.writableBytes;
    }
    this.#arriveUp(copy);
    return this.writableBytes;
  }

  #lost = false;
  #upMs = 0;
  #downMs = 0;

  #arriveUp(bytes: Uint8Array): void {
    const clock = this.#network.clock;
    // A stream never reorders: each chunk arrives no earlier than the one before it.
    this.#upMs = Math.max(this.#upMs, clock.nowMs + this.#network.delayMs());
    clock.at(this.#upMs, () => {
      if (this.#lost || this.#network.isCut(this.link.name)) {
        this.#lost = true;
        return;
      }
      this.#server?.receive(bytes);
      clock.after(this.#network.delayMs(), () => this.#acknowledge(bytes.length));
    });
  }

  #acknowledge(count: number): void {
    if (this.#state !== "open" || this.#lost || this.#network.isCut(this.link.name)) return;
    this.#inFlightBytes -= count;
    this.#handlers.onWritable(this.writableBytes);
  }

  /** Called by the server's end: bytes on their way down. */
  sendDown(bytes: Uint8Array): void {
    const clock = this.#network.clock;
    this.#downMs = Math.max(this.#downMs, clock.nowMs + this.#network.delayMs());
    clock.at(this.#downMs, () => {
      if (this.#network.isCut(this.link.name)) this.#lost = true;
      if (this.#state !== "open" || this.#lost) return;
      this.#network.trace.add(clock.nowMs, this.name, "down", bytes);
      this.#network.tap?.down(this.name, bytes);
      this.#inbox.push(bytes);
      this.#inboxBytes += bytes.length;
      this.#handlers.onReadable(this.#inboxBytes);
    });
  }

  /** The server closed: the news arrives after everything it sent. */
  closeDown(message: string): void {
    const clock = this.#network.clock;
    this.#downMs = Math.max(this.#downMs, clock.nowMs + this.#network.delayMs());
    clock.at(this.#downMs, () => {
      if (this.#lost || this.#network.isCut(this.link.name)) this.#lost = true;
      else this.fail({ code: "closed", message });
    });
  }

  fail(error: SocketError): void {
    if (this.#state === "closed") return;
    this.#end(error.code);
    this.#handlers.onError(error);
  }

  /** Both ends learn at once that the connection is gone. */
  breakBoth(message: string): void {
    this.#server?.closed();
    this.fail({ code: "closed", message });
  }

  /** The device closes; the server notices one delay later, if the link lives. */
  close(): void {
    if (this.#state === "closed") return;
    this.#end("close");
    const clock = this.#network.clock;
    this.#upMs = Math.max(this.#upMs, clock.nowMs + this.#network.delayMs());
    clock.at(this.#upMs, () => {
      if (!this.#lost && !this.#network.isCut(this.link.name)) this.#server?.closed();
    });
  }

  /** Power is gone: nobody says goodbye. */
  vanish(): void {
    if (this.#state === "closed") return;
    this.#end("vanish");
    this.#lost = true;
  }

  #end(kind: string): void {
    this.#state = "closed";
    this.#network.trace.add(this.#network.clock.nowMs, this.name, kind);
    this.#network.tap?.closed(this.name);
    this.#network.forget(this);
  }
}

/** The server's end, handed to a listener: unbounded writes, data and close callbacks. */
export class ServerEnd {
  onData: ((bytes: Uint8Array) => void) | undefined;
  onClose: (() => void) | undefined;
  readonly #network: VirtualNetwork;
  readonly #device: DeviceEnd;
  #isClosed = false;

  constructor(network: VirtualNetwork, device: DeviceEnd) {
    this.#network = network;
    this.#device = device;
  }

  /** Leaf certificate the client presented (DER), if any. */
  get clientCertificate(): Uint8Array | undefined {
    return this.#device.link.clientCertificate;
  }

  get name(): string {
    return this.#device.name;
  }

  receive(bytes: Uint8Array): void {
    if (!this.#isClosed) this.onData?.(bytes);
  }

  write(bytes: Uint8Array): void {
    if (this.#isClosed || this.#network.isCut(this.#device.link.name)) return;
    this.#device.sendDown(bytes.slice());
  }

  close(): void {
    if (this.#isClosed) return;
    this.closed();
    this.#device.closeDown("closed by the server");
  }

  closed(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.onClose?.();
  }
}
