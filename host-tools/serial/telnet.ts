// Telnet framing with the COM-PORT option (RFC 854, RFC 2217), for both ends. No I/O.

export const telnet = {
  se: 240,
  sb: 250,
  will: 251,
  wont: 252,
  do: 253,
  dont: 254,
  iac: 255,
} as const;
export const option = { binary: 0, echo: 1, suppressGoAhead: 3, comPort: 44 } as const;

/** Commands of the COM-PORT option as a client sends them; a server answers with 100 more. */
export const comPort = {
  signature: 0,
  setBaud: 1,
  setDataSize: 2,
  setParity: 3,
  setStopSize: 4,
  setControl: 5,
  purge: 12,
} as const;
export const serverOffset = 100;

export const control = { dtrOn: 8, dtrOff: 9, rtsOn: 11, rtsOff: 12 } as const;

/** Longest option negotiation kept; what goes beyond is dropped. */
const subnegotiationBytesMax = 64;

/** Data with its 0xFF bytes doubled. */
export function escapeData(bytes: Uint8Array): Uint8Array {
  let extra = 0;
  for (const byte of bytes) if (byte === telnet.iac) extra++;
  if (extra === 0) return bytes;
  const escaped = new Uint8Array(bytes.length + extra);
  let at = 0;
  for (const byte of bytes) {
    escaped[at++] = byte;
    if (byte === telnet.iac) escaped[at++] = byte;
  }
  return escaped;
}

/** A COM-PORT command with its value. */
export function comPortCommand(command: number, ...value: readonly number[]): Uint8Array {
  const content = escapeData(Uint8Array.of(option.comPort, command, ...value));
  return Uint8Array.of(telnet.iac, telnet.sb, ...content, telnet.iac, telnet.se);
}

export interface TelnetEvents {
  onData(bytes: Uint8Array): void;
  /** WILL, WONT, DO or DONT. */
  onNegotiate(verb: number, option: number): void;
  onComPort(command: number, value: Uint8Array): void;
}

type State = "data" | "iac" | "verb" | "sub" | "subIac";

export class TelnetDecoder {
  readonly #events: TelnetEvents;
  #state: State = "data";
  #verb = 0;
  #sub: number[] = [];

  constructor(events: TelnetEvents) {
    this.#events = events;
  }

  feed(bytes: Uint8Array): void {
    let data: number[] = [];
    const flush = () => {
      if (data.length > 0) this.#events.onData(Uint8Array.from(data));
      data = [];
    };
    for (const byte of bytes) {
      if (this.#state === "data" && byte !== telnet.iac) data.push(byte);
      else if (this.#state === "iac" && byte === telnet.iac) {
        data.push(byte);
        this.#state = "data";
      } else {
        // What was data so far must arrive before a command behind it acts.
        if (this.#state !== "data") flush();
        this.#step(byte);
      }
    }
    flush();
  }

  #step(byte: number): void {
    switch (this.#state) {
      case "data":
        this.#state = "iac";
        break;
      case "iac":
        this.#command(byte);
        break;
      case "verb":
        this.#state = "data";
        this.#events.onNegotiate(this.#verb, byte);
        break;
      case "sub":
        if (byte === telnet.iac) this.#state = "subIac";
        else this.#keep(byte);
        break;
      case "subIac":
        this.#state = "sub";
        if (byte === telnet.iac) this.#keep(byte);
        else this.#endSub();
        break;
    }
  }

  #command(byte: number): void {
    this.#state = "data";
    if (byte === telnet.sb) {
      this.#sub = [];
      this.#state = "sub";
    } else if (byte >= telnet.will && byte <= telnet.dont) {
      this.#verb = byte;
      this.#state = "verb";
    }
  }

  #keep(byte: number): void {
    if (this.#sub.length < subnegotiationBytesMax) this.#sub.push(byte);
  }

  #endSub(): void {
    this.#state = "data";
    const [kind, command, ...value] = this.#sub;
    if (kind === option.comPort && command !== undefined) {
      this.#events.onComPort(command, Uint8Array.from(value));
    }
  }
}
