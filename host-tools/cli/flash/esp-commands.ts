// What `godwit flash` does to a board besides writing: who it is, reading its flash, erasing it.
import { type ChipInfo, chipInfo, eraseBegan, tryReset } from "../../flash/esp/job.ts";
import { keptFiles, keptFolder } from "../../flash/esp/kept-files.ts";
import { readFlash } from "../../flash/esp/read.ts";
import { hex } from "../../flash/esp/regions.ts";
import { SameBoard } from "../../flash/esp/same-board.ts";
import { EspSession } from "../../flash/esp/session.ts";
import { DeviceError } from "../../serial/error.ts";
import type { Context } from "../command.ts";
import {
  type BoardFlags,
  boardOf,
  espOptions,
  leaseOf,
  requireMac,
} from "../commands/flash-options.ts";
import { requireWritable, writeFileOf } from "../files.ts";

/** One line for people. */
export function describeChip(info: ChipInfo): string {
  const security = info.isSecureDownload ? ", Secure Download Mode" : "";
  const megabytes = info.flashBytes / (1 << 20);
  return `${info.chipName}, MAC ${info.mac ?? "unknown"}, ${megabytes} MB flash${security}`;
}

/** Nothing is read from, or erased on, a board with another name than the one given. */
function requireNamed({ mac: found }: ChipInfo, { mac }: BoardFlags): void {
  if (mac === undefined || found === mac.toLowerCase()) return;
  throw new DeviceError("wrong-board", `expected MAC ${mac}, found ${found ?? "none"}`, {
    hint: "godwit devices, then give the right --port or --mac",
  });
}

function requireChipOf({ chip, chipName }: ChipInfo, flags: BoardFlags): void {
  const board = boardOf(flags);
  if (!board || board.chip === chip) return;
  throw new DeviceError("wrong-board", `expected ${board.chip}, found ${chipName}`, {
    hint: "godwit devices, then give the right --port or --board",
  });
}

async function withSession<T>(
  flags: BoardFlags,
  context: Context,
  work: (session: EspSession, info: ChipInfo) => Promise<T>,
): Promise<T> {
  requireMac(flags);
  const options = await espOptions(flags, context);
  const lease = await leaseOf(options.source.address, context);
  const board = new SameBoard();
  const signal = context.interrupted();
  try {
    const session = await EspSession.connect({ ...options, board, signal });
    try {
      const info = await chipInfo(session, board);
      requireChipOf(info, flags);
      requireNamed(info, flags);
      return await work(session, info);
    } finally {
      // Refused or done, the application runs again.
      await tryReset(session);
      await session.close();
    }
  } finally {
    lease.release();
  }
}

export async function identify(flags: BoardFlags, context: Context): Promise<void> {
  const info = await withSession(flags, context, async (_, found) => found);
  context.output.result("chip", { ...info }, `${describeChip(info)}, flash id ${info.flashId}`);
}

/** Which board it was: ports change names. */
function fieldsOf({ chip, mac }: ChipInfo): { chip: string; mac: string | null } {
  return { chip, mac: mac ?? null };
}

/** No chip has more; what does not fit this one is refused once its size is known. */
const partBytesMax = 128 << 20;

interface FlashPart {
  readonly offset: number;
  readonly size: number;
}

/** Refuses what no board can give, before one is disturbed. */
function requirePart({ offset, size }: FlashPart, what: string): void {
  if (size === 0) {
    throw new DeviceError("bad-input", `a ${what} of 0 bytes does nothing`, {
      hint: `give a size: godwit flash ${what} ${hex(offset)} 0x1000${what === "read" ? " <file>" : ""}`,
    });
  }
  if (offset + size > partBytesMax) {
    throw new DeviceError("bad-input", `no flash holds ${size} bytes from ${hex(offset)}`, {
      hint: "godwit flash id tells how much there is",
    });
  }
}

function requireInside({ offset, size }: FlashPart, flashBytes: number): void {
  if (offset + size <= flashBytes) return;
  const left = flashBytes - offset;
  throw new DeviceError("bad-input", `the flash ends at ${hex(flashBytes)}`, {
    hint:
      left > 0
        ? `at most ${left} bytes from ${hex(offset)}`
        : `choose an offset below ${hex(flashBytes)}`,
  });
}

export async function read(
  part: FlashPart & { file: string },
  flags: BoardFlags,
  context: Context,
): Promise<void> {
  const { output } = context;
  requirePart(part, "read");
  requireWritable(part.file, context);
  const bar = output.progress("read");
  const { bytes, chip } = await withSession(flags, context, async (session, info) => {
    output.note(describeChip(info));
    requireInside(part, info.flashBytes);
    const onProgress = (done: number, total: number) => bar.update(done / total);
    const content = await readFlash(session, part.offset, part.size, onProgress);
    return { bytes: content, chip: fieldsOf(info) };
  });
  writeFileOf(part.file, bytes, context);
  bar.end("read: verified");
  const fields = { ...part, ...chip };
  output.result("read", fields, `${part.size} bytes from ${hex(part.offset)} in ${part.file}`);
}

/** What is erased on purpose must not come back with the next job. */
function forgetKept({ mac }: ChipInfo, part: FlashPart | undefined, context: Context): void {
  if (mac === undefined) return;
  const keeper = keptFiles(keptFolder(context.env));
  for (const kept of keeper.keptOf(mac)) {
    const isErased = !part || (kept.offset >= part.offset && kept.offset < part.offset + part.size);
    if (isErased) keeper.forget(kept);
  }
}

export async function erase(
  offset: number | undefined,
  size: number | undefined,
  flags: BoardFlags,
  context: Context,
): Promise<void> {
  const part = offset === undefined ? undefined : { offset, size: size ?? Number.NaN };
  if (part && !(part.offset % 4096 === 0 && part.size % 4096 === 0)) {
    throw new DeviceError("bad-input", "a region has an offset and a size in whole sectors", {
      hint: "godwit flash erase 0x9000 0x6000; without a region everything is erased",
    });
  }
  if (part) requirePart(part, "erase");
  const chip = await withSession(flags, context, async (session, info) => {
    context.output.note(describeChip(info));
    if (part) requireInside(part, info.flashBytes);
    // Before the erase: it may be interrupted and done all the same.
    forgetKept(info, part, context);
    session.link.interruptOn(context.interrupted(), eraseBegan);
    if (part) await session.eraseRegion(part.offset, part.size);
    else await session.eraseAll();
    return fieldsOf(info);
  });
  const what = part ? `${part.size} bytes from ${hex(part.offset)}` : "the whole flash";
  const fields = { ...(part ?? { offset: 0, size: null }), ...chip };
  context.output.result("erased", fields, `erased ${what}`);
}
