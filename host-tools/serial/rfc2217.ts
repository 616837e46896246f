// Client side of RFC 2217: a serial port on another machine, with its control lines.
import { connect, type Socket } from "node:net";
import { shorten } from "../shorten.ts";
import { DeviceError } from "./error.ts";
import type { PortEvents, PortSource, SerialLines, SerialPort } from "./port.ts";
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

const openTimeoutMs = 5000;
const answerTimeoutMs = 5000;
/** Longest answer of a stranger that is shown. */
const greetingMax = 120;
/** Output before the port is ours; what goes beyond is dropped. */
const earlyBytesMax = 64 * 1024;
const scheme = "rfc2217://";

export function isRfc2217Address(address: string): boolean {
  return address.startsWith(scheme);
}

/** `rfc2217://host:port`. @throws DeviceError `bad-input`. */
export function rfc2217Source(address: string): PortSource {
  const match = /^rfc2217:\/\/(\[[0-9a-fA-F:]{2,45}\]|[^:/?#\s]{1,253}):(\d{1,5})\/?$/.exec(
    address,
  );
  const port = Number(match?.[2]);
  if (!match || port < 1 || port > 65535) {
    throw new DeviceError("bad-input", `'${shorten(address)}' is no RFC 2217 address`, {
      hint: "use rfc2217://host:port",
    });
  }
  const host = match[1]!.replace(/^\[|\]$/g, "");
  return { address, open: (baud, events) => openRemote({ address, host, port }, baud, events) };
}

interface Remote {
  readonly address: string;
  readonly host: string;
  readonly port: number;
}

async function openRemote(remote: Remote, baud: number, events: PortEvents): Promise<SerialPort> {
  const port = new Rfc2217Port(remote, events);
  try {
    await port.negotiate(baud);
    return port;
  } catch (error) {
    await port.close();
    throw error;
  }
}

class Rfc2217Port implements SerialPort {
  readonly path: string;
  readonly #events: PortEvents;
  readonly #socket: Socket;
  readonly #decoder: TelnetDecoder;
  /** Waiting for an answer to one command at a time. */
  #awaited: { command: number; resolve: () => void } | undefined;
  #failed: ((error: DeviceError) => void) | undefined;
  #isConnected = false;
  #isLetIn = false;
  /** What came before we were let in: the first output of the board, or the reason why we are not. */
  #early: Uint8Array = new Uint8Array(0);
  #isOpen = false;
  #isClosed = false;

  constructor(remote: Remote, events: PortEvents) {
    this.path = remote.address;
    this.#events = events;
    this.#socket = connect({ host: remote.host, port: remote.port, noDelay: true });
    this.#decoder = new TelnetDecoder({
      onData: (bytes) => this.#received(bytes),
      onNegotiate: (verb, kind) => this.#negotiated(verb, kind),
      onComPort: (command) => this.#answered(command - serverOffset),
    });
    this.#socket.once("connect", () => {
      this.#isConnected = true;
    });
    this.#socket.on("data", (bytes) => this.#decoder.feed(bytes));
    this.#socket.on("error", (cause) => this.#lost(cause));
    this.#socket.on("close", () => this.#lost());
  }

  #received(bytes: Uint8Array): void {
    if (this.#isLetIn) this.#events.onData(bytes);
    else if (this.#early.length < earlyBytesMax) this.#early = Buffer.concat([this.#early, bytes]);
  }

  #lost(cause?: Error): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#socket.destroy();
    const why = cause === undefined ? "" : `: ${cause.message || String(cause)}`;
    const error = !this.#isLetIn
      ? this.#refused(why, cause)
      : new DeviceError("port-gone", `${this.path} hung up${why}`, {
          hint: "check the remote board, then run the same command again",
          cause,
        });
    this.#failed?.(error);
    if (this.#isOpen) this.#events.onClose(error);
  }

  /** Servers lend a port once. They tell a second client in words of their own, or hang up at once. */
  #refused(why: string, cause: NodeJS.ErrnoException | undefined): DeviceError {
    // A reset that comes at once is reported before the connection is.
    const wasConnected = this.#isConnected || cause?.code === "ECONNRESET";
    const said = shorten(new TextDecoder().decode(this.#early).trim(), greetingMax);
    if (wasConnected && (said === "" || /\b(busy|in use|already)\b/i.test(said))) {
      const told =
        said === "" ? "it hangs up at once; most likely by another client" : `it says '${said}'`;
      return new DeviceError("port-busy", `${this.path} is in use: ${told}`, {
        hint: "end the other program (a monitor?), then run the same command again",
        cause,
      });
    }
    const told = said === "" ? why : `: '${said}'`;
    return new DeviceError("no-device", `${this.path} does not let us in${told}`, {
      hint: "check that the server runs and that its board is plugged in",
      cause,
    });
  }

  #negotiated(verb: number, kind: number): void {
    if (verb !== telnet.do || kind !== option.comPort) return;
    this.#isLetIn = true;
    if (this.#early.length > 0) this.#events.onData(this.#early);
    this.#early = new Uint8Array(0);
    this.#answered(-1);
  }

  #answered(command: number): void {
    if (this.#awaited?.command === command) this.#awaited.resolve();
  }

  /** Waits for the answer to `command` (-1: for the server's consent to the option itself). */
  #await(command: number, timeoutMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const done = () => {
        clearTimeout(timer);
        this.#awaited = undefined;
        this.#failed = undefined;
      };
      const timer = setTimeout(() => {
        done();
        reject(this.#silent());
      }, timeoutMs);
      this.#awaited = {
        command,
        resolve: () => {
          done();
          resolve();
        },
      };
      this.#failed = (error) => {
        done();
        reject(error);
      };
    });
  }

  #silent(): DeviceError {
    return new DeviceError("no-reply", `${this.path} took the connection but lends us no port`, {
      hint: "end the other program if one uses it; check that an RFC 2217 server listens there",
    });
  }

  async negotiate(baud: number): Promise<void> {
    const wanted = [option.binary, option.suppressGoAhead].flatMap((kind) => [
      Uint8Array.of(telnet.iac, telnet.will, kind),
      Uint8Array.of(telnet.iac, telnet.do, kind),
    ]);
    const consent = this.#await(-1, openTimeoutMs);
    this.#socket.write(
      Buffer.concat([...wanted, Uint8Array.of(telnet.iac, telnet.will, option.comPort)]),
    );
    await consent;
    await this.setBaud(baud);
    this.#isOpen = true;
  }

  #require(): void {
    if (this.#isClosed) throw new DeviceError("port-gone", `${this.path} is closed`);
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.#require();
    if (this.#socket.write(escapeData(bytes))) return;
    await new Promise<void>((resolve) => {
      const done = () => {
        this.#socket.off("drain", done);
        this.#socket.off("close", done);
        resolve();
      };
      this.#socket.once("drain", done);
      this.#socket.once("close", done);
    });
  }

  /** Both lines in one packet: between two packets a board could already have booted. */
  async setLines({ dtr, rts }: SerialLines): Promise<void> {
    this.#require();
    const answer = this.#await(comPort.setControl, answerTimeoutMs);
    this.#socket.write(
      Buffer.concat([
        comPortCommand(comPort.setControl, dtr ? control.dtrOn : control.dtrOff),
        comPortCommand(comPort.setControl, rts ? control.rtsOn : control.rtsOff),
      ]),
    );
    await answer;
  }

  async setBaud(baud: number): Promise<void> {
    this.#require();
    const value = new Uint8Array(4);
    new DataView(value.buffer).setUint32(0, baud);
    const answer = this.#await(comPort.setBaud, answerTimeoutMs);
    this.#socket.write(comPortCommand(comPort.setBaud, ...value));
    await answer;
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const gone = new Promise<void>((resolve) => this.#socket.once("close", () => resolve()));
    this.#socket.destroy();
    await gone;
  }
}
