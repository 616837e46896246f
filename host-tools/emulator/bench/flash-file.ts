// A virtual board's flash in a file: loaded at the start, saved while the board is served.
import { existsSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { DeviceError } from "../../serial/error.ts";
import type { MemoryPeer } from "../../serial/memory.ts";
import { shorten } from "../../shorten.ts";
import { NorFlash } from "./nor-flash.ts";

const saveEveryMs = 1000;

/** @throws DeviceError `bad-input` when the file is not of the flash's size */
export function loadFlash(file: string | undefined, sizeBytes: number): NorFlash {
  if (!file || !existsSync(file)) return new NorFlash(sizeBytes);
  let content: Uint8Array;
  try {
    requireRegular(file);
    content = readFileSync(file);
  } catch (cause) {
    if (cause instanceof DeviceError) throw cause;
    throw new DeviceError("bad-input", `cannot read the flash: ${textOf(cause)}`, {
      hint: "give --flash-file a file that you may read and write",
      cause,
    });
  }
  if (content.length !== sizeBytes) {
    throw new DeviceError(
      "bad-input",
      `${file} has ${content.length} bytes, the board's flash ${sizeBytes}`,
      { hint: "give the matching --flash-size, or another file" },
    );
  }
  return new NorFlash(sizeBytes, content);
}

/** A device or a pipe may never end, and would be replaced by a file at the first save. */
function requireRegular(file: string): void {
  if (statSync(file).isFile()) return;
  throw new DeviceError("bad-input", `${shorten(file, 200)} is no regular file`, {
    hint: "give --flash-file the path of a file, or of one that does not exist yet",
  });
}

function textOf(cause: unknown): string {
  return shorten((cause as Error).message, 200);
}

/** Keeps `file` up to date; without a file it does nothing. */
export class FlashFile {
  readonly #flash: NorFlash;
  readonly #file: string | undefined;
  readonly #onError: (error: DeviceError) => void;
  readonly #timer: NodeJS.Timeout | undefined;
  #saved = -1;
  #failure: DeviceError | undefined;

  /**
   * `onError` hears once of a file that has become unwritable; saving is tried again every second.
   * @throws DeviceError `bad-input` when it cannot be written at all
   */
  constructor(flash: NorFlash, file: string | undefined, onError: (error: DeviceError) => void) {
    this.#flash = flash;
    this.#file = file;
    this.#onError = onError;
    if (file === undefined) return;
    try {
      this.#write(file);
    } catch (cause) {
      throw new DeviceError("bad-input", `cannot keep the flash: ${textOf(cause)}`, {
        hint: "check that the folder of --flash-file exists and that you may write there",
        cause,
      });
    }
    // A job that may report success has asked for the checksum of all it wrote.
    flash.onDigest = () => this.save();
    this.#timer = setInterval(() => this.save(), saveEveryMs);
  }

  /** Saves what has changed. */
  save(): void {
    if (this.#file === undefined || this.#flash.changes === this.#saved) return;
    try {
      this.#write(this.#file);
      this.#failure = undefined;
    } catch (cause) {
      const isNews = this.#failure === undefined;
      this.#failure = new DeviceError("port-failed", `the flash is not saved: ${textOf(cause)}`, {
        hint: "make the folder of --flash-file writable, then flash the board again",
        cause,
      });
      if (isNews) this.#onError(this.#failure);
    }
  }

  /** The file always holds a whole image: it is replaced, not rewritten. */
  #write(file: string): void {
    const { changes, bytes } = this.#flash;
    try {
      writeFileSync(`${file}.new`, bytes);
      renameSync(`${file}.new`, file);
    } catch (error) {
      rmSync(`${file}.new`, { force: true });
      throw error;
    }
    this.#saved = changes;
  }

  /** Saves a last time. @throws DeviceError `port-failed` when the file lags behind the flash for good */
  stop(): void {
    clearInterval(this.#timer);
    this.save();
    if (this.#failure) throw this.#failure;
  }

  /** `peer`, saved at each reset and each hanging up, however the client ended. */
  saving(peer: MemoryPeer): MemoryPeer {
    const save = () => this.save();
    return {
      isAttached: peer.isAttached,
      usb: peer.usb,
      opened: (line) => peer.opened(line),
      received: (bytes) => peer.received(bytes),
      baudChanged: (baud) => peer.baudChanged(baud),
      linesChanged(lines) {
        peer.linesChanged(lines);
        save();
      },
      closed() {
        peer.closed();
        save();
      },
    };
  }
}
