// Server side of RFC 2217: lends one serial port (real or virtual) to one client at a time.
import { type AddressInfo, createServer, type Socket } from "node:net";
import { shorten } from "../shorten.ts";
import { DeviceError, isDeviceError } from "./error.ts";
import type { PortSource, SerialLines, SerialPort } from "./port.ts";
import {
  comPort,
  comPortCommand,
  control,
  escapeData,
  option,
  serverOffset,
  TelnetDecoder,
  telnet,
} from "./telnet.ts";

/** Options this side performs; everything else is refused. */
const performed: ReadonlySet<number> = new Set([
  option.binary,
  option.echo,
  option.suppressGoAhead,
  option.comPort,
]);
const defaultBaud = 115_200;
/** Bytes from the client waiting for the port; beyond it the client is made to wait. */
const waitingBytesMax = 256 * 1024;
/** Longer than two requests take that are sent one after the other. */
const heldBackMs = 150;
/** A client that hung up a moment ago still has to let go of the port. */
const handoverMs = 500;
/** How long a refused client may take to read why. */
const farewellMs = 1000;
/** A client whose machine is gone is noticed after this and ten probes. */
const keepAliveMs = 5000;

export interface Rfc2217Server {
  /** `rfc2217://host:port`. */
  readonly url: string;
  close(): Promise<void>;
}

export interface ListenOptions {
  readonly host: string;
  /** 0 = any free port. */
  readonly port: number;
  readonly onError?: (error: unknown) => void;
}

/** @throws DeviceError `port-failed` when the address cannot be listened on. */
export async function serveRfc2217(
  source: PortSource,
  listen: ListenOptions,
): Promise<Rfc2217Server> {
  let current: Client | undefined;
  const admit = async (socket: Socket) => {
    const before = current;
    // Throwing the first one out would let two programs take turns in the middle of a transfer.
    const isFree = !before || (await before.endsWithin(handoverMs));
    // It may have left while it waited; nobody would ever end its turn.
    if (socket.destroyed) return;
    if (isFree && current === before) current = new Client(source, socket, listen.onError);
    else sayGoodbye(socket, "port busy: another client uses it");
  };
  const server = createServer({ noDelay: true }, (socket) => {
    socket.on("error", () => socket.destroy());
    socket.setKeepAlive(true, keepAliveMs);
    void admit(socket);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (cause) => reject(cannotListen(listen, cause)));
    server.listen(listen.port, listen.host, resolve);
  });
  const { address, family, port } = server.address() as AddressInfo;
  return {
    url: `rfc2217://${family === "IPv6" ? `[${address}]` : address}:${port}`,
    async close() {
      current?.end();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function cannotListen({ host, port }: ListenOptions, cause: NodeJS.ErrnoException): DeviceError {
  const isTaken = cause.code === "EADDRINUSE";
  const why = isTaken ? "something listens there already" : shorten(cause.message, 200);
  return new DeviceError("port-failed", `cannot listen on ${shorten(host)}:${port}: ${why}`, {
    hint: isTaken
      ? "end the other program, or use port 0, which takes any that is free"
      : "use an address of this machine, like 127.0.0.1:0",
    cause,
  });
}

/** Tells why before hanging up. What the client still sends is read: a reset would eat our words. */
function sayGoodbye(socket: Socket, words: string): void {
  socket.end(`${words}\r\n`);
  socket.resume();
  const timer = setTimeout(() => socket.destroy(), farewellMs);
  socket.once("close", () => clearTimeout(timer));
}

class Client {
  readonly #socket: Socket;
  readonly #onError: (error: unknown) => void;
  #port: SerialPort | undefined;
  #lines: SerialLines = { dtr: false, rts: false };
  /** Lines set since the last portion of bytes was worked through. */
  readonly #set = new Set<keyof SerialLines>();
  /** Everything towards the port happens in order, one after the other. */
  #work: Promise<void>;
  #waitingBytes = 0;
  #heldBack: NodeJS.Timeout | undefined;
  #isEnded = false;
  #letGo = () => {};
  /** Resolves when port and socket are free again. */
  readonly #ended = new Promise<void>((resolve) => {
    this.#letGo = resolve;
  });

  constructor(source: PortSource, socket: Socket, onError: ((error: unknown) => void) | undefined) {
    this.#socket = socket;
    this.#onError = onError ?? (() => undefined);
    const decoder = new TelnetDecoder({
      onData: (bytes) => this.#forward(bytes),
      onNegotiate: (verb, kind) => this.#negotiate(verb, kind),
      onComPort: (command, value) => this.#comPort(command, value),
    });
    this.#work = this.#open(source);
    socket.on("close", () => this.end());
    socket.on("data", (bytes) => {
      decoder.feed(bytes);
      this.#applyLines();
    });
  }

  end(farewell?: string): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    clearTimeout(this.#heldBack);
    if (farewell === undefined) this.#socket.destroy();
    else sayGoodbye(this.#socket, farewell);
    this.#enqueue(async () => {
      const port = this.#port;
      this.#port = undefined;
      await port?.close();
    });
    void this.#work.then(this.#letGo);
  }

  /** True when this client has let go of the port, or does so in time. */
  async endsWithin(ms: number): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<false>((resolve) => {
      timer = setTimeout(() => resolve(false), ms);
    });
    const isFree = await Promise.race([this.#ended.then(() => true), late]);
    clearTimeout(timer);
    return isFree;
  }

  async #open(source: PortSource): Promise<void> {
    try {
      this.#port = await source.open(defaultBaud, {
        onData: (bytes) => {
          if (!this.#isEnded) this.#socket.write(escapeData(bytes));
        },
        onClose: () => this.end(),
      });
    } catch (error) {
      this.#onError(error);
      this.end(`no port: ${error instanceof Error ? shorten(error.message, 200) : "it failed"}`);
    }
  }

  #enqueue(step: () => Promise<void>): void {
    this.#work = this.#work.then(step).catch((error: unknown) => {
      if (!isDeviceError(error)) this.#onError(error);
      this.end();
    });
  }

  #say(bytes: Uint8Array): void {
    if (!this.#isEnded) this.#socket.write(bytes);
  }

  /** Consent to an option is given only when the port is open: a client that hears it may start. */
  #negotiate(verb: number, kind: number): void {
    const isPerformed = performed.has(kind);
    const answer =
      verb === telnet.do
        ? [isPerformed ? telnet.will : telnet.wont, kind]
        : verb === telnet.will
          ? [isPerformed ? telnet.do : telnet.dont, kind]
          : undefined;
    if (!answer) return;
    this.#enqueue(async () => {
      if (this.#port) this.#say(Uint8Array.of(telnet.iac, ...answer));
    });
  }

  #forward(bytes: Uint8Array): void {
    this.#applyLines();
    this.#waitingBytes += bytes.length;
    if (this.#waitingBytes > waitingBytesMax) this.#socket.pause();
    this.#enqueue(async () => {
      await this.#port?.write(bytes);
      this.#waitingBytes -= bytes.length;
      if (this.#waitingBytes <= waitingBytesMax) this.#socket.resume();
    });
  }

  #comPort(command: number, value: Uint8Array): void {
    if (command === comPort.setControl) {
      this.#setControl(value[0] ?? 0);
      this.#enqueue(async () => this.#say(answerTo(command, value)));
      return;
    }
    this.#enqueue(async () => {
      const baud = value.length === 4 ? new DataView(value.buffer).getUint32(0) : 0;
      if (command === comPort.setBaud && baud > 0) await this.#port?.setBaud(baud);
      if (command !== comPort.signature) this.#say(answerTo(command, value));
    });
  }

  /** Lines that change in one packet change together. */
  #setControl(value: number): void {
    const before = this.#lines;
    if (value === control.dtrOn || value === control.dtrOff) {
      this.#lines = { ...before, dtr: value === control.dtrOn };
      this.#set.add("dtr");
    } else if (value === control.rtsOn || value === control.rtsOff) {
      this.#lines = { ...before, rts: value === control.rtsOn };
      this.#set.add("rts");
    }
  }

  /**
   * Clients that send one line at a time pass through "both asserted" on their way into the bootloader. That
   * state releases the reset, so a network's delay in it starts the application. It is held back for a moment,
   * unless both lines were set together: then it is meant.
   */
  #applyLines(): void {
    if (this.#set.size === 0) return;
    const isMeant = this.#set.size === 2;
    this.#set.clear();
    const lines = this.#lines;
    clearTimeout(this.#heldBack);
    const apply = () => this.#enqueue(async () => this.#port?.setLines(lines));
    if (lines.dtr && lines.rts && !isMeant) this.#heldBack = setTimeout(apply, heldBackMs);
    else apply();
  }
}

function answerTo(command: number, value: Uint8Array): Uint8Array {
  return comPortCommand(command + serverOffset, ...value);
}
