// Writing NVS partitions, format version 2: settings provisioned at flash time.
import { DeviceError } from "../../serial/error.ts";
import { shorten } from "../../shorten.ts";
import {
  crc,
  entriesMax,
  entryBytes,
  firstEntry,
  integerTypes,
  type NvsEntry,
  type NvsInteger,
  pageBytes,
  typeBlobData,
  typeBlobIndex,
  typeString,
  version2,
} from "./nvs-format.ts";

const stateFull = 0xfffffffc;
const stateActive = 0xfffffffe;
const anyChunk = 0xff;
const keyLengthMax = 15;
const stringBytesMax = 4000;
const blobBytesMax = 508_000;
const namespacesMax = 254;
/** One page stays empty: NVS needs it to move entries. */
const pagesMin = 3;

function bad(what: string, hint: string, line?: number): DeviceError {
  const where = line === undefined ? "NVS" : `NVS CSV, line ${line}`;
  return new DeviceError("bad-input", `${where}: ${what}`, { hint });
}

/** A page being filled. */
class Page {
  readonly bytes = new Uint8Array(pageBytes).fill(0xff);
  readonly #data = new DataView(this.bytes.buffer);
  used = 0;

  constructor(sequence: number) {
    this.setState(stateActive);
    this.#data.setUint32(4, sequence, true);
    this.bytes[8] = version2;
    this.#data.setUint32(28, crc(this.bytes.subarray(4, 28)), true);
  }

  setState(state: number): void {
    this.#data.setUint32(0, state, true);
  }

  get free(): number {
    return entriesMax - this.used;
  }

  put(entry: Uint8Array, data: Uint8Array = new Uint8Array(0)): void {
    const at = firstEntry + this.used * entryBytes;
    this.bytes.set(entry, at);
    this.bytes.set(data, at + entryBytes);
    const count = 1 + Math.ceil(data.length / entryBytes);
    for (let index = this.used; index < this.used + count; index++) {
      // Two bits an entry; 10 means written.
      this.bytes[entryBytes + (index >> 2)]! &= ~(1 << ((index & 3) * 2));
    }
    this.used += count;
  }
}

interface Header {
  readonly namespace: number;
  readonly type: number;
  readonly span: number;
  readonly chunk: number;
  readonly key: string;
}

/** One entry; `fill` writes its eight data bytes. */
function entryOf(header: Header, fill: (data: DataView) => void): Uint8Array {
  const bytes = new Uint8Array(entryBytes).fill(0xff);
  bytes.set([header.namespace, header.type, header.span, header.chunk]);
  bytes.fill(0, 8, 24);
  bytes.set(new TextEncoder().encode(header.key), 8);
  fill(new DataView(bytes.buffer, 24, 8));
  const covered = Buffer.concat([bytes.subarray(0, 4), bytes.subarray(8)]);
  new DataView(bytes.buffer).setUint32(4, crc(covered), true);
  return bytes;
}

class NvsBuilder {
  readonly #pagesMax: number;
  readonly pages: Page[] = [new Page(0)];
  readonly #namespaces = new Map<string, number>();
  readonly #names = new Set<string>();
  #entry: NvsEntry | undefined;

  constructor(pagesMax: number) {
    this.#pagesMax = pagesMax;
  }

  get #page(): Page {
    return this.pages.at(-1)!;
  }

  nextPage(): void {
    if (this.pages.length === this.#pagesMax) {
      throw this.#bad(
        `no room for '${this.#entry?.key}': the entries need more than ` +
          `${this.#pagesMax} pages of 4096 bytes (one stays empty)`,
        "give a larger --size, and the same size to the partition 'nvs'",
      );
    }
    this.#page.setState(stateFull);
    this.pages.push(new Page(this.pages.length));
  }

  #bad(what: string, hint = "put that line right; godwit nvs make --help"): DeviceError {
    return bad(what, hint, this.#entry?.line);
  }

  #checkKey(key: string, what: string): void {
    const length = new TextEncoder().encode(key).length;
    if (length > 0 && length <= keyLengthMax) return;
    throw this.#bad(`${what} '${shorten(key)}' must have 1 to ${keyLengthMax} bytes`);
  }

  #put(entry: Uint8Array): void {
    if (this.#page.free === 0) this.nextPage();
    this.#page.put(entry);
  }

  #namespace(name: string): number {
    const known = this.#namespaces.get(name);
    if (known !== undefined) return known;
    const index = this.#namespaces.size + 1;
    if (index > namespacesMax) throw this.#bad(`more than ${namespacesMax} namespaces`);
    this.#namespaces.set(name, index);
    const header = { namespace: 0, type: 1, span: 1, chunk: anyChunk, key: name };
    this.#put(entryOf(header, (data) => data.setUint8(0, index)));
    return index;
  }

  add(entry: NvsEntry): void {
    this.#entry = entry;
    this.#checkKey(entry.namespace, "namespace");
    this.#checkKey(entry.key, "key");
    const name = `${entry.namespace}/${entry.key}`;
    if (this.#names.has(name)) throw this.#bad(`'${name}' is there already`);
    this.#names.add(name);
    const namespace = this.#namespace(entry.namespace);
    if (entry.type === "string") this.#string(namespace, entry.key, entry.value);
    else if (entry.type === "blob") this.#blob(namespace, entry.key, entry.value);
    else this.#integer(namespace, entry.key, entry.type, entry.value);
  }

  #integer(namespace: number, key: string, type: NvsInteger, value: bigint): void {
    const { code, min, max } = integerTypes[type];
    if (value < min || value > max) throw this.#bad(`'${key}': ${value} does not fit ${type}`);
    const sizeBytes = code & 0x0f;
    const header = { namespace, type: code, span: 1, chunk: anyChunk, key };
    const fill = (data: DataView) => {
      for (let at = 0; at < sizeBytes; at++) {
        data.setUint8(at, Number((value >> BigInt(8 * at)) & 0xffn));
      }
    };
    this.#put(entryOf(header, fill));
  }

  #string(namespace: number, key: string, value: string): void {
    const bytes = new TextEncoder().encode(`${value}\0`);
    if (bytes.length > stringBytesMax) {
      throw this.#bad(`'${key}': ${bytes.length} bytes of text, ${stringBytesMax} are possible`);
    }
    const span = 1 + Math.ceil(bytes.length / entryBytes);
    // Espressif's generator leaves the last entry of a page unused before a string.
    if (this.#page.used + span >= entriesMax) this.nextPage();
    this.#page.put(
      varlen({ namespace, type: typeString, span, chunk: anyChunk, key }, bytes),
      bytes,
    );
  }

  #blob(namespace: number, key: string, value: Uint8Array): void {
    if (value.length > blobBytesMax)
      throw this.#bad(`'${key}': ${value.length} bytes are too many`);
    if (this.#page.free === 0) this.nextPage();
    let chunks = 0;
    for (let at = 0; at < value.length || chunks === 0; chunks++) {
      const roomBytes = (this.#page.free - 1) * entryBytes;
      const chunk = value.subarray(at, at + roomBytes);
      const span = 1 + Math.ceil(chunk.length / entryBytes);
      const header = { namespace, type: typeBlobData, span, chunk: chunks, key };
      this.#page.put(varlen(header, chunk), chunk);
      at += chunk.length;
      if (at < value.length || roomBytes - chunk.length < entryBytes) this.nextPage();
    }
    const index = { namespace, type: typeBlobIndex, span: 1, chunk: anyChunk, key };
    const fill = (data: DataView) => {
      data.setUint32(0, value.length, true);
      data.setUint8(4, chunks);
      data.setUint8(5, 0);
    };
    this.#put(entryOf(index, fill));
  }
}

function varlen(header: Header, content: Uint8Array): Uint8Array {
  return entryOf(header, (data) => {
    data.setUint16(0, content.length, true);
    data.setUint32(4, crc(content), true);
  });
}

/**
 * A whole partition, byte for byte as Espressif's generator writes it.
 * @param sizeBytes size of the partition: at least three pages of 4096 bytes
 * @throws DeviceError `bad-input`
 */
export function encodeNvs(entries: readonly NvsEntry[], sizeBytes: number): Uint8Array {
  const pages = sizeBytes / pageBytes;
  if (!Number.isInteger(pages) || pages < pagesMin) {
    throw bad(
      `size ${sizeBytes} must be a multiple of 4096 and at least ${pagesMin * pageBytes}`,
      "give --size 0x6000, or what the partition table says of 'nvs'",
    );
  }
  const builder = new NvsBuilder(pages - 1);
  for (const entry of entries) builder.add(entry);
  const image = new Uint8Array(sizeBytes).fill(0xff);
  builder.pages.forEach((page, index) => {
    image.set(page.bytes, index * pageBytes);
  });
  return image;
}
