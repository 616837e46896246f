/** Which sector holds what: 13 bytes of RAM per sector, filled at mount. */
import { CLASSES, type SectorHead } from "./log-format.ts";

const FREE = 0;
const BAD = 0xffffffff;

export class SectorTable {
  /** Order of opening, from 1; 0: free. */
  readonly openings: Uint32Array;
  readonly classes: Uint8Array;
  /** Ordinal of the first record. */
  readonly firsts: Uint32Array;
  /** How often it was erased. */
  readonly erases: Uint32Array;
  /** Next ordinal to be given, per class. */
  readonly heads = new Uint32Array(CLASSES);
  /** The sector opened last: it alone holds the valid marks. -1: none yet. */
  newest = -1;

  constructor(count: number) {
    this.openings = new Uint32Array(count);
    this.classes = new Uint8Array(count);
    this.firsts = new Uint32Array(count);
    this.erases = new Uint32Array(count);
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

  /** The free sector erased least, of several the next in the ring behind the newest. -1: none. */
  nextFree(): number {
    const count = this.openings.length;
    let found = -1;
    for (let i = 1; i <= count; i++) {
      const sector = (this.newest + i + count) % count;
      if (this.openings[sector] !== FREE) continue;
      if (found < 0 || this.erases[sector]! < this.erases[found]!) found = sector;
    }
    return found;
  }

  /** Erases of sectors without a header, never used or interrupted, are not known: as many as any has. */
  guessErases(): void {
    let most = 0;
    for (let i = 0; i < this.erases.length; i++) most = Math.max(most, this.erases[i]!);
    for (let i = 0; i < this.erases.length; i++) if (!this.isLive(i)) this.erases[i] = most;
  }

  set(sector: number, head: SectorHead): void {
    this.openings[sector] = head.opening;
    this.classes[sector] = head.logClass;
    this.firsts[sector] = head.first;
    this.erases[sector] = head.erases;
    if (this.newest < 0 || head.opening > this.openings[this.newest]!) this.newest = sector;
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

  /** The sector of `logClass` opened last; -1: none. */
  last(logClass: number): number {
    let found = -1;
    for (let i = 0; i < this.openings.length; i++) {
      if (this.classes[i] !== logClass || !this.isLive(i)) continue;
      if (found < 0 || this.openings[i]! > this.openings[found]!) found = i;
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
