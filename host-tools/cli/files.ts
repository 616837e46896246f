// Files that people name on the command line: read within a limit, written with errors they can act on.
import { accessSync, closeSync, constants, openSync, readSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { DeviceError } from "../serial/error.ts";
import { shorten } from "../shorten.ts";
import { explainingSystem } from "../system-error.ts";

/** No firmware, table or partition is larger; devices and pipes may never end. */
const fileBytesMax = 256 << 20;
const pieceBytes = 1 << 20;

interface Folder {
  readonly cwd: string;
}

/** Everything in a file, at most 256 MB. @throws DeviceError `bad-input` */
export function readFileOf(path: string, { cwd }: Folder): Uint8Array {
  try {
    return readUpTo(resolve(cwd, path), path);
  } catch (cause) {
    if (cause instanceof DeviceError) throw cause;
    throw new DeviceError(
      "bad-input",
      `cannot read ${shorten(path)}: ${shorten((cause as Error).message, 200)}`,
      {
        hint: "check the path; paths are relative to the current folder",
        cause,
      },
    );
  }
}

function readUpTo(file: string, name: string): Uint8Array {
  const handle = openSync(file, "r");
  try {
    const pieces: Uint8Array[] = [];
    for (let total = 0; ; ) {
      const piece = new Uint8Array(pieceBytes);
      const length = readSync(handle, piece);
      if (length === 0) return Buffer.concat(pieces);
      total += length;
      if (total > fileBytesMax) {
        throw new DeviceError(
          "bad-input",
          `${shorten(name)} has more than ${fileBytesMax >> 20} MB`,
          {
            hint: "give a firmware file, a table or a partition",
          },
        );
      }
      pieces.push(piece.subarray(0, length));
    }
  } finally {
    closeSync(handle);
  }
}

/** Does something that writes to `path`; what the system refuses is told without a stack. @throws DeviceError `bad-input` */
export function writing<T>(path: string, work: () => T): T {
  return explainingSystem(work, (cause) => {
    const what = `cannot write ${shorten(path)}: ${shorten(cause.message, 200)}`;
    const hint = "check that the folder exists and that you may write there";
    return new DeviceError("bad-input", what, { hint, cause });
  });
}

/** Writes a whole file. @throws DeviceError `bad-input` */
export function writeFileOf(
  path: string,
  content: string | Uint8Array,
  { cwd }: Folder,
  mode = 0o666,
): void {
  writing(path, () => writeFileSync(resolve(cwd, path), content, { mode }));
}

/** Fails now rather than after minutes of work when `path` cannot be written. @throws DeviceError `bad-input` */
export function requireWritable(path: string, { cwd }: Folder): void {
  writing(path, () => accessSync(dirname(resolve(cwd, path)), constants.W_OK));
}
