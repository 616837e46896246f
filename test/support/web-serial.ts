// A Web Serial port over one of ours: what esptool-js (a browser library) expects to be given.
import type { PortSource, SerialPort } from "../../host-tools/serial/port.ts";

interface Signals {
  dataTerminalReady?: boolean;
  requestToSend?: boolean;
}

export class WebSerialPort {
  readable: ReadableStream<Uint8Array> | null = null;
  writable: WritableStream<Uint8Array> | null = null;
  readonly #source: PortSource;
  #port: SerialPort | undefined;
  #lines = { dtr: false, rts: false };

  constructor(source: PortSource) {
    this.#source = source;
  }

  async open({ baudRate }: { baudRate: number }): Promise<void> {
    let feed: ReadableStreamDefaultController<Uint8Array> | undefined;
    this.readable = new ReadableStream({
      start: (controller) => {
        feed = controller;
      },
    });
    const port = await this.#source.open(baudRate, {
      onData: (bytes) => feed?.enqueue(bytes),
      onClose: (error) => feed?.error(error),
    });
    this.#port = port;
    this.writable = new WritableStream({ write: (bytes) => port.write(bytes) });
  }

  async close(): Promise<void> {
    await this.#port?.close();
    this.readable = null;
    this.writable = null;
  }

  async setBaudRate(baud: number): Promise<void> {
    await this.#port?.setBaud(baud);
  }

  /** Web Serial leaves a line alone that is not named. */
  async setSignals({ dataTerminalReady, requestToSend }: Signals): Promise<void> {
    this.#lines = {
      dtr: dataTerminalReady ?? this.#lines.dtr,
      rts: requestToSend ?? this.#lines.rts,
    };
    await this.#port?.setLines(this.#lines);
  }

  getInfo(): { usbVendorId?: number; usbProductId?: number } {
    const usb = this.#port?.usb;
    return usb ? { usbVendorId: usb.vendorId, usbProductId: usb.productId } : {};
  }
}
