// Board files: data in boards/, checked field by field so that a wrong one says what is wrong.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { DeviceError } from "../serial/error.ts";
import type { UsbIdentity } from "../serial/port.ts";
import { shorten } from "../shorten.ts";

export interface Chip {
  readonly id: string;
  readonly name: string;
  readonly family: "esp" | "rp";
  readonly ramKilobytes: number;
}

export interface Board {
  readonly id: string;
  readonly name: string;
  readonly chip: string;
  readonly flashMegabytes?: number;
  /** Four hex digits each. */
  readonly usb?: readonly { readonly vendorId: string; readonly productId: string }[];
  readonly moddablePlatform?: string;
  readonly monitorBaud?: number;
  readonly resetSequence?: string;
  readonly notes?: string;
}

type Check = (value: unknown) => boolean;
const isText: Check = (value) => typeof value === "string" && value !== "";
const isPositive: Check = (value) => typeof value === "number" && value > 0;
const isUsbId: Check = (value) => typeof value === "string" && /^[0-9a-f]{4}$/.test(value);
const isUsbList: Check = (value) =>
  Array.isArray(value) &&
  value.every(
    (entry: unknown) =>
      typeof entry === "object" &&
      entry !== null &&
      "vendorId" in entry &&
      isUsbId(entry.vendorId) &&
      "productId" in entry &&
      isUsbId(entry.productId),
  );

const boardFields: Readonly<Record<string, { check: Check; what: string; isRequired?: true }>> = {
  $schema: { check: isText, what: "text" },
  id: {
    check: (value) => typeof value === "string" && /^[a-z0-9][a-z0-9-]*$/.test(value),
    what: "a name of lower-case letters, digits and dashes",
    isRequired: true,
  },
  name: { check: isText, what: "text", isRequired: true },
  chip: { check: isText, what: "the id of a chip", isRequired: true },
  flashMegabytes: { check: isPositive, what: "a positive number" },
  usb: { check: isUsbList, what: "a list of {vendorId, productId}, four hex digits each" },
  moddablePlatform: { check: isText, what: "text" },
  monitorBaud: {
    check: (value) => Number.isInteger(value) && (value as number) >= 300,
    what: "an integer, 300 or more",
  },
  resetSequence: { check: isText, what: "a reset sequence" },
  notes: { check: isText, what: "text" },
};

function bad(file: string, what: string): DeviceError {
  return new DeviceError("bad-input", `${file}: ${what}`, {
    hint: "compare with boards/board.schema.json",
  });
}

/** @throws DeviceError `bad-input` naming file and field */
export function parseBoard(text: string, file: string): Board {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw bad(file, `no JSON: ${shorten((cause as Error).message, 200)}`);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw bad(file, "must be an object");
  }
  for (const [name, { check, what, isRequired }] of Object.entries(boardFields)) {
    if (!Object.hasOwn(value, name)) {
      if (isRequired) throw bad(file, `'${shorten(name)}' is missing`);
    } else if (!check((value as Record<string, unknown>)[name])) {
      throw bad(file, `'${shorten(name)}' must be ${what}`);
    }
  }
  const unknown = Object.keys(value).find((name) => !Object.hasOwn(boardFields, name));
  if (unknown !== undefined) throw bad(file, `'${shorten(unknown)}' is no field of a board`);
  return value as Board;
}

/** boards/ of this package, from sources and from build/ alike. */
export function boardsFolder(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, "package.json"))) folder = dirname(folder);
  return join(folder, "boards");
}

export function loadBoards(folder = boardsFolder()): readonly Board[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith(".json") && name !== "board.schema.json")
    .sort()
    .map((name) => parseBoard(readFileSync(join(folder, name), "utf8"), name));
}

export function loadChips(folder = join(boardsFolder(), "chips")): readonly Chip[] {
  return readdirSync(folder)
    .sort()
    .map((name) => JSON.parse(readFileSync(join(folder, name), "utf8")) as Chip);
}

/** A board by id, or a chip by id. @throws DeviceError `bad-input` listing what there is */
export function findBoard(id: string, boards = loadBoards(), chips = loadChips()): Board {
  const board = boards.find((candidate) => candidate.id === id);
  if (board) return board;
  const chip = chips.find((candidate) => candidate.id === id);
  if (chip) return { id: chip.id, name: chip.name, chip: chip.id };
  const known = [...boards, ...chips].map((candidate) => candidate.id).join(", ");
  throw new DeviceError("bad-input", `unknown board '${shorten(id)}'`, {
    hint: `one of: ${known}`,
  });
}

/** Boards that may be behind a USB identity; several share the same bridge. */
export function boardsFor(usb: UsbIdentity, boards: readonly Board[]): readonly Board[] {
  const hex = (value: number) => value.toString(16).padStart(4, "0");
  return boards.filter((board) =>
    board.usb?.some(
      (id) => id.vendorId === hex(usb.vendorId) && id.productId === hex(usb.productId),
    ),
  );
}
