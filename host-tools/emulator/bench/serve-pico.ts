// A virtual Pico in real time: its application's port behind RFC 2217, its BOOTSEL drive as a real folder.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { infoFile } from "../../flash/rp2040/drive.ts";
import { type RpChip, uf2BlockBytes } from "../../flash/rp2040/uf2.ts";
import { realClock } from "../../serial/clock.ts";
import { DeviceError } from "../../serial/error.ts";
import { memorySource } from "../../serial/memory.ts";
import { serveRfc2217 } from "../../serial/rfc2217-server.ts";
import { bootselInfos, PicoBoard } from "./pico-board.ts";
import { Wire } from "./wire.ts";

const pollMs = 50;

export interface ServePicoOptions {
  readonly chip: RpChip;
  readonly host: string;
  readonly port: number;
  /** Folder that appears while the board is in BOOTSEL mode; must not exist before. */
  readonly drive: string;
  readonly startsInBootsel?: boolean;
}

export interface ServedPico {
  readonly url: string;
  readonly board: PicoBoard;
  close(): Promise<void>;
}

/** @throws DeviceError `bad-input` when the folder exists: it would be deleted at the reboot */
export async function serveVirtualPico(options: ServePicoOptions): Promise<ServedPico> {
  const { chip, drive, host, port } = options;
  if (existsSync(drive)) {
    throw new DeviceError("bad-input", `${drive} exists already`, {
      hint: "give a --drive that does not exist: the virtual board makes and deletes it",
    });
  }
  const board = new PicoBoard({
    clock: realClock,
    chip,
    drive,
    startsInBootsel: options.startsInBootsel ?? false,
  });
  const wire = new Wire(board, { clock: realClock, isPaced: false });
  const server = await serveRfc2217(
    memorySource(`memory:${chip}`, () => wire),
    { host, port },
  );
  const mirror = new DriveMirror(board, drive);
  return {
    url: server.url,
    board,
    async close() {
      await server.close();
      wire.unplug();
      mirror.stop();
    },
  };
}

/** Keeps the folder as the boot ROM's drive would look. */
class DriveMirror {
  readonly #board: PicoBoard;
  readonly #drive: string;
  readonly #timer: NodeJS.Timeout;
  #lastBytes = -1;

  constructor(board: PicoBoard, drive: string) {
    this.#board = board;
    this.#drive = drive;
    this.#timer = setInterval(() => this.#look(), pollMs);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#unmount();
  }

  #look(): void {
    if (!this.#board.isMounted) {
      this.#unmount();
      return;
    }
    if (!existsSync(this.#drive)) this.#mount();
    for (const name of readdirSync(this.#drive)) {
      if (name.endsWith(".uf2")) this.#take(join(this.#drive, name));
    }
  }

  #mount(): void {
    mkdirSync(this.#drive, { recursive: true });
    writeFileSync(join(this.#drive, "INDEX.HTM"), "<html></html>\n");
    writeFileSync(join(this.#drive, infoFile), bootselInfos[this.#board.chip]);
    this.#lastBytes = -1;
  }

  #unmount(): void {
    rmSync(this.#drive, { recursive: true, force: true });
  }

  /** A file that still grows is left alone until it has whole blocks and has stopped growing. */
  #take(path: string): void {
    const bytes = readFileSync(path);
    const isSettled = bytes.length === this.#lastBytes && bytes.length % uf2BlockBytes === 0;
    this.#lastBytes = bytes.length;
    if (!isSettled || bytes.length === 0) return;
    this.#board.files().write(path, bytes);
    this.#look();
  }
}
