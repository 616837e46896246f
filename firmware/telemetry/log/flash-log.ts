/** Power-safe ring log on raw NOR flash for what could not be sent yet (SPEC.md in this folder). */
import { GodwitError } from "../../codec/error.ts";
import { LogCursor } from "./log-cursor.ts";
import {
  CLASSES,
  KIND_DATA,
  KIND_MARKS,
  MARKS_BYTES_MAX,
  RECORD_HEAD_BYTES,
  SECTOR_BYTES_MAX,
  SECTOR_HEAD_BYTES_MAX,
  SECTORS_MIN,
} from "./log-format.ts";
import { mount } from "./log-mount.ts";
import { LogSpace, RESERVE } from "./log-space.ts";
import type { FlashLogOptions, LogClass, LogCounters, LogEntry, LostRecords } from "./types.ts";

const ACKS_MAX = 32;

export class FlashLog {
  readonly counters: Readonly<LogCounters>;
  /** Longest payload of a record. */
  readonly payloadBytesMax: number;
  private readonly options: FlashLogOptions;
  private readonly space: LogSpace;
  private readonly cursors: LogCursor[] = [];

  /**
   * Mounts what is in the flash; writes nothing. Reads one header per sector and three whole sectors.
   * @throws GodwitError `argument` for a region or unit that cannot work
   */
  constructor(options: FlashLogOptions) {
    checkGeometry(options);
    this.options = options;
    this.space = new LogSpace(options);
    this.counters = this.space.counters;
    const { medium, table } = this.space;
    const headBytes = medium.padded(SECTOR_HEAD_BYTES_MAX) + medium.padded(RECORD_HEAD_BYTES);
    this.payloadBytesMax = medium.sectorBytes - headBytes;
    for (let i = 0; i < CLASSES; i++)
      this.cursors.push(new LogCursor(medium, table, i as LogClass));
    mount(this.space);
    this.rewind();
  }

  /** Records that wait, read or not, including unreadable ones. */
  pending(logClass: LogClass): number {
    return this.space.table.heads[logClass]! - this.space.marks.acked[logClass]!;
  }

  /**
   * Stores a record; when this returns true, it survives every power cut until it is acknowledged or makes room.
   * @returns false if there was no room and nothing of this or a lower priority to drop: counted as lost
   * @throws GodwitError `limit` if it is too long, `storage` if the flash fails; earlier records are not affected
   */
  append(logClass: LogClass, sequence: number, payload: Uint8Array): boolean {
    const { space, options } = this;
    const { medium, table } = space;
    if (payload.length < 1 || payload.length > this.payloadBytesMax) {
      const text = `log: record of ${payload.length} bytes, must be 1 to ${this.payloadBytesMax}`;
      throw new GodwitError("limit", text);
    }
    const { bootId } = options;
    const bytes = medium.recordBytes(payload.length);
    for (let attempt = 0; attempt < 2; attempt++) {
      const fits = space.hasRoom(logClass, bytes) && space.stamp(logClass, sequence) !== undefined;
      if (!fits && !space.open(logClass, RESERVE, sequence >>> 24)) {
        space.lose(logClass, 1, [bootId, sequence, bootId, sequence]);
        return false;
      }
      if (space.write(logClass, KIND_DATA, space.stamp(logClass, sequence)!, payload)) {
        table.heads[logClass]!++;
        return true;
      }
    }
    throw new GodwitError("storage", "log: two sectors did not take a record; check the flash");
  }

  /** The next record of the highest class that has one, or of `only`; each is given once until `rewind`. */
  next(only?: LogClass): LogEntry | undefined {
    const { marks, counters } = this.space;
    for (let i = only ?? 0; i <= (only ?? CLASSES - 1); i++) {
      const cursor = this.cursors[i]!;
      const acked = marks.acked[i]!;
      if (cursor.ordinal < acked) cursor.seek(acked);
      const entry = cursor.next();
      if (!entry) continue;
      if (entry.missing > 0) {
        counters.missingRecords += entry.missing;
        const text = `${entry.missing} records of class ${i} before ordinal ${entry.ordinal}`;
        this.space.fault(`${text} are unreadable; all others are kept`);
      }
      return entry;
    }
    return undefined;
  }

  /** Everything that is not acknowledged (of `only`) will be given again: what was sent did not arrive. */
  rewind(only?: LogClass): void {
    for (let i = only ?? 0; i <= (only ?? CLASSES - 1); i++) {
      this.cursors[i]!.seek(this.space.marks.acked[i]!);
    }
  }

  /**
   * The record and all before it in its class have arrived.
   * @throws GodwitError `storage` if the watermark cannot be written
   */
  acknowledge(logClass: LogClass, ordinal: number): void {
    const { marks, table } = this.space;
    const count = Math.min(ordinal + 1, table.heads[logClass]!) - marks.acked[logClass]!;
    if (count <= 0) return;
    marks.acked[logClass]! += count;
    this.space.unsaved += count;
    if (this.space.unsaved >= (this.options.acksMax ?? ACKS_MAX)) this.save();
  }

  /** Records that made room and were not told to anybody yet. */
  lost(logClass: LogClass): LostRecords | undefined {
    return this.space.marks.lost[logClass];
  }

  /** Somebody knows about `told`, which `lost` returned. */
  acknowledgeLost(logClass: LogClass, told: LostRecords): void {
    const { lost } = this.space.marks;
    const now = lost[logClass];
    if (!now) return;
    const count = now.count - told.count;
    const firstBoot = told.lastBoot;
    const firstSequence = told.lastSequence + 1;
    lost[logClass] = count > 0 ? { ...now, count, firstBoot, firstSequence } : undefined;
    this.space.unsaved++;
  }

  /**
   * Writes watermarks and losses to flash if they have changed: before a restart, and when the line is idle.
   * @throws GodwitError `storage` if the flash fails
   */
  save(): void {
    const { space } = this;
    const { table, medium } = space;
    if (space.unsaved === 0) return;
    const bytes = new Uint8Array(MARKS_BYTES_MAX);
    const payload = bytes.subarray(0, space.marks.write(bytes, 0));
    const logClass = (table.newest < 0 ? CLASSES - 1 : table.classes[table.newest]!) as LogClass;
    if (table.newest >= 0 && space.hasRoom(logClass, medium.recordBytes(payload.length))) {
      if (space.write(logClass, KIND_MARKS, 0, payload)) {
        space.release();
        return;
      }
    }
    // A new sector begins with the marks. While the last free one must be kept, they wait for the next sector.
    if (space.roomFor(logClass) >= RESERVE) space.open(logClass, 0);
    else space.counters.deferredSaves++;
  }
}

function checkGeometry({ flash, bootId, unitBytes = 4 }: FlashLogOptions): void {
  const { sectorBytes, pageBytes, sizeBytes } = flash;
  const sectors = Math.floor(sizeBytes / sectorBytes);
  if (!(bootId >= 1 && bootId <= 0xffffffff && Number.isInteger(bootId))) {
    throw new GodwitError("argument", `log: bootId ${bootId}, must be 1 to 4294967295`);
  }
  if (![4, 8, 16, 32].includes(unitBytes)) {
    throw new GodwitError("argument", `log: unitBytes ${unitBytes}, must be 4, 8, 16 or 32`);
  }
  if (sectorBytes > SECTOR_BYTES_MAX || sectorBytes < 256 || pageBytes < 128) {
    const text = `sectors of ${sectorBytes} bytes, pages of ${pageBytes}`;
    throw new GodwitError("argument", `log: ${text}, must be 256 to 4096, 128 or more`);
  }
  if (sectors < SECTORS_MIN) {
    throw new GodwitError("argument", `log: ${sectors} sectors, must be at least ${SECTORS_MIN}`);
  }
}
