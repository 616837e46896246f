// The serial framing of XS debug builds: machine tags, XML messages, binary blocks (Moddable's xsbug protocol).

export type XsbugEvent =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "login"; readonly machine: string; readonly name: string }
  | {
      readonly kind: "log";
      readonly machine: string;
      readonly text: string;
      readonly path?: string;
      readonly line?: number;
    }
  | {
      readonly kind: "break";
      readonly machine: string;
      readonly message: string;
      readonly path: string;
      readonly line: number;
    }
  | { readonly kind: "sample"; readonly machine: string; readonly values: Record<string, number> }
  | { readonly kind: "closed"; readonly machine: string };

/** A message longer than this is dropped: memory is bounded whatever a board sends. */
const messageCharactersMax = 65_536;
const instrumentsMax = 64;

const entities: Readonly<Record<string, string>> = {
  lt: "<",
  gt: ">",
  amp: "&",
  quot: '"',
  apos: "'",
};

function plainText(text: string): string {
  return text.replace(/&(?:#x([0-9a-f]{1,6})|#(\d{1,7})|(\w{2,4}));/gi, (whole, hex, dec, name) => {
    if (name !== undefined) return entities[name] ?? whole;
    const code = hex !== undefined ? Number.parseInt(hex, 16) : Number(dec);
    return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
  });
}

function attribute(text: string, name: string): string | undefined {
  const match = new RegExp(`\\b${name}="([^"]*)"`).exec(text);
  return match ? plainText(match[1]!) : undefined;
}

const tagStart = "<?xs";
const messageStart = "<xsbug>";
const messageEnd = "</xsbug>";

export class XsbugParser {
  readonly #onEvent: (event: XsbugEvent) => void;
  #buffer = "";
  #machine = "00000000";
  #binaryLeft = 0;
  readonly #instruments = new Map<string, readonly string[]>();

  constructor(onEvent: (event: XsbugEvent) => void) {
    this.#onEvent = onEvent;
  }

  /** Takes bytes in any portions. Latin-1 keeps them one to one; text is decoded as UTF-8 later. */
  feed(bytes: Uint8Array): void {
    this.#buffer += Buffer.from(bytes).toString("latin1");
    while (this.#step()) {
      // Each step takes something off the front.
    }
  }

  flush(): void {
    this.#text(this.#buffer);
    this.#buffer = "";
  }

  /** True when something was taken. */
  #step(): boolean {
    if (this.#binaryLeft > 0) return this.#skipBinary();
    const at = this.#buffer.indexOf("<");
    if (at < 0) {
      this.#text(this.#buffer);
      this.#buffer = "";
      return false;
    }
    if (at > 0) {
      this.#text(this.#buffer.slice(0, at));
      this.#buffer = this.#buffer.slice(at);
      return true;
    }
    if (this.#buffer.startsWith(tagStart)) return this.#tag();
    if (this.#buffer.startsWith(messageStart)) return this.#message();
    const isMaybeStart = [tagStart, messageStart].some((start) => start.startsWith(this.#buffer));
    if (isMaybeStart) return false;
    this.#text("<");
    this.#buffer = this.#buffer.slice(1);
    return true;
  }

  #skipBinary(): boolean {
    const count = Math.min(this.#binaryLeft, this.#buffer.length);
    this.#buffer = this.#buffer.slice(count);
    this.#binaryLeft -= count;
    return count > 0;
  }

  #tag(): boolean {
    const tagLength = "<?xs.00000000?>".length;
    if (this.#buffer.length < tagLength) return false;
    const match = /^<\?xs([.#-])([0-9A-F]{8})\?>(?:\r\n)?/i.exec(this.#buffer);
    if (!match) {
      this.#text(this.#buffer.slice(0, tagStart.length));
      this.#buffer = this.#buffer.slice(tagStart.length);
      return true;
    }
    const [whole, kind, machine] = match as unknown as [string, string, string];
    if (kind === "#") {
      // Two bytes of length, then that many bytes.
      if (this.#buffer.length < tagLength + 2) return false;
      const length =
        this.#buffer.charCodeAt(tagLength) * 256 + this.#buffer.charCodeAt(tagLength + 1);
      this.#binaryLeft = length;
      this.#buffer = this.#buffer.slice(tagLength + 2);
      return true;
    }
    this.#buffer = this.#buffer.slice(whole.length);
    this.#machine = machine;
    if (kind === "-") this.#onEvent({ kind: "closed", machine });
    return true;
  }

  #message(): boolean {
    const end = this.#buffer.indexOf(messageEnd);
    if (end < 0) {
      if (this.#buffer.length > messageCharactersMax) this.#buffer = "";
      return false;
    }
    const body = this.#buffer.slice(messageStart.length, end);
    this.#buffer = this.#buffer.slice(end + messageEnd.length).replace(/^\r\n/, "");
    this.#parse(Buffer.from(body, "latin1").toString("utf8"));
    return true;
  }

  #text(latin1: string): void {
    const text = Buffer.from(latin1, "latin1").toString("utf8");
    if (text.replaceAll(/[\r\n]/g, "") !== "" || /\n/.test(text)) {
      this.#onEvent({ kind: "text", text });
    }
  }

  #parse(body: string): void {
    const machine = this.#machine;
    for (const match of body.matchAll(/<(login|log|break)\b([^>]*?)(?:\/>|>([\s\S]*?)<\/\1>)/g)) {
      const [, name, attributes = "", content = ""] = match;
      const path = attribute(attributes, "path");
      const line = Number(attribute(attributes, "line") ?? Number.NaN);
      const text = plainText(content);
      if (name === "login") {
        this.#onEvent({ kind: "login", machine, name: attribute(attributes, "name") ?? "" });
      } else if (name === "log") {
        const place = path !== undefined && !Number.isNaN(line) ? { path, line } : {};
        this.#onEvent({ kind: "log", machine, text, ...place });
      } else {
        const where = { path: path ?? "", line: Number.isNaN(line) ? 0 : line };
        this.#onEvent({ kind: "break", machine, message: text, ...where });
      }
    }
    this.#measurements(body, machine);
  }

  #measurements(body: string, machine: string): void {
    const names = [...body.matchAll(/<instrument\b([^>]*)\/>/g)]
      .slice(0, instrumentsMax)
      .map((match) => attribute(match[1]!, "name") ?? "");
    if (names.length > 0) this.#instruments.set(machine, names);
    const samples = /<samples>([\d,\s-]*)<\/samples>/.exec(body);
    const known = this.#instruments.get(machine);
    if (!samples || !known) return;
    const numbers = samples[1]!.split(",").map(Number);
    const values = Object.fromEntries(known.map((name, index) => [name, numbers[index] ?? 0]));
    this.#onEvent({ kind: "sample", machine, values });
  }
}

/** A command for a machine, as the host sends it. */
export function xsbugCommand(machine: string, command: "go" | "step" | "abort" | "logout"): string {
  return `\r\n<?xs.${machine}?>\r\n<${command}/>\r\n`;
}
