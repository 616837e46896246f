/** Which sector holds what: 9 bytes of RAM per sector, filled at mount. */
import { CLASSES } from "./log-format.ts";

const FREE = 0;
const BAD = 0xffffffff;

export class SectorTable {
  /** Order of opening, from 1; 0: free. */
  readonly openings: Uint32Array;
  readonly classes: Uint8Array;
  /** Ordinal of the first record. */
  readonly firsts: Uint32Array;
  /** Next ordinal to be given, per class. */
  readonly heads = new Uint32Array(CLASSES);
  /** The sector opened last: it alone holds the valid marks. -1: none yet. */
  newest = -1;

  constructor(count: number) {
    this.openings = new Uint32Array(count);
    this.classes = new Uint8Array(count);
    this.firsts = new Uint32Array(count);
  }

  isLive(sector: number): boolean {
    const opening = this.openings[sector]!;
    return opening !== FREE && opening !== BAD;
  }

  get lastOpening(): number {
    return this.newest < 0 ? 0 : this.openings[this.newest]!;
  }

  get freeCount(): number {
    let count = 0;
    for (let i = 0; i < this.openings.length; i++) if (this.openings[i] === FREE) count++;
    return count;
  }

  /** The next free sector in the ring, behind the newest: every sector is erased in its turn. -1: none. */
  nextFree(): number {
    const count = this.openings.length;
    for (let i = 1; i <= count; i++) {
      const sector = (this.newest + i + count) % count;
      if (this.openings[sector] === FREE) return sector;
    }
    return -1;
  }

  set(sector: number, opening: number, logClass: number, first: number): void {
    this.openings[sector] = opening;
    this.classes[sector] = logClass;
    this.firsts[sector] = first;
    if (this.newest < 0 || opening > this.openings[this.newest]!) this.newest = sector;
  }

  free(sector: number): void {
    this.openings[sector] = FREE;
  }

  /** Not used until the next boot. */
  ban(sector: number): void {
    this.openings[sector] = BAD;
  }

  /** The sector of `logClass` opened next after `opening`; -1: none. */
  after(logClass: number, opening: number): number {
    let found = -1;
    for (let i = 0; i < this.openings.length; i++) {
      const own = this.openings[i]!;
      if (this.classes[i] !== logClass || own <= opening || own === BAD) continue;
      if (found < 0 || own < this.openings[found]!) found = i;
    }
    return found;
  }

  /** Ordinal behind the last record of a live sector. */
  end(sector: number): number {
    const logClass = this.classes[sector]!;
    const next = this.after(logClass, this.openings[sector]!);
    return next < 0 ? this.heads[logClass]! : this.firsts[next]!;
  }

  /** The oldest sector of `logClass` with records from `ordinal` on; -1: none. */
  holding(logClass: number, ordinal: number): number {
    for (let i = this.after(logClass, 0); i >= 0; i = this.after(logClass, this.openings[i]!)) {
      if (this.end(i) > ordinal) return i;
    }
    return -1;
  }
}
