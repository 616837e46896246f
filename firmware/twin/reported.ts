/** What the cloud should know: reported properties and acknowledgements, merged while a PATCH is under way. */
import { GodwitError } from "../codec/error.ts";
import { TWIN_SECTION_BYTES_MAX } from "../connection/limits.ts";
import type { PropertySpec } from "../model/types.ts";
import { validate } from "../model/validate.ts";
import { sameJson, twinSize } from "./json.ts";

/** The hub refuses a single value above this (twin guide, "property value"). */
export const twinValueBytesMax = 4096;
/** Characters of one PATCH body; what does not fit follows after the acknowledgement. */
const patchLengthMax = 8192;

export const writableFlag = 1;
/** The hub does not have (or is not known to have) our value. */
const dirtyFlag = 2;
/** The value is part of the PATCH under way. */
const sentFlag = 4;
/** There is something to report. */
const heldFlag = 8;
/** Scratch mark of a walk over a document. */
export const metFlag = 16;

/** One row per property of the model, in its order; columns instead of objects, for the sake of RAM. */
export class Reported {
  readonly names: readonly string[];
  readonly specs: readonly PropertySpec[];
  readonly flags: Uint8Array;
  /** Reported value, or the value a writable property has in effect. */
  readonly values: unknown[];
  /** Acknowledgement of writable properties: code, desired version, text. */
  readonly ac: Uint16Array;
  readonly av: number[];
  readonly ad: (string | undefined)[];

  constructor(properties: Readonly<Record<string, PropertySpec>>) {
    this.names = Object.keys(properties);
    this.specs = this.names.map((name) => properties[name]!);
    const count = this.names.length;
    this.flags = new Uint8Array(count);
    this.values = new Array(count).fill(undefined);
    this.ac = new Uint16Array(count);
    this.av = new Array(count).fill(0);
    this.ad = new Array(count).fill(undefined);
    for (let i = 0; i < count; i++) if (this.specs[i]!.writable) this.flags[i] = writableFlag;
  }

  get isDirty(): boolean {
    for (let i = 0; i < this.flags.length; i++) if (this.flags[i]! & dirtyFlag) return true;
    return false;
  }

  /**
   * Checks all values of a report before any of them is taken.
   * @throws GodwitError `argument` or `limit`, naming the property
   */
  check(report: Readonly<Record<string, unknown>>): void {
    let total = 0;
    for (const name of Object.keys(report)) {
      const i = this.names.indexOf(name);
      if (i < 0) throw new GodwitError("argument", `report: the model has no property ${name}`);
      const problem = validate(this.specs[i]!, report[name]);
      if (problem) throw new GodwitError("argument", `report: ${name} ${problem}`);
      if (twinSize(report[name]) > twinValueBytesMax) {
        const text = `report: ${name} is larger than ${twinValueBytesMax} bytes`;
        throw new GodwitError("limit", text);
      }
    }
    for (let i = 0; i < this.names.length; i++) {
      const name = this.names[i]!;
      const value = Object.hasOwn(report, name) ? report[name] : this.values[i];
      if (value !== undefined) total += name.length + twinSize(value);
    }
    if (total > TWIN_SECTION_BYTES_MAX) {
      const text = `report: all properties together exceed ${TWIN_SECTION_BYTES_MAX} bytes`;
      throw new GodwitError("limit", text);
    }
  }

  /** Takes a checked value of a read-only property. */
  setValue(i: number, value: unknown): void {
    if (this.flags[i]! & heldFlag && sameJson(this.values[i], value)) return;
    this.values[i] = value;
    this.flags[i]! |= heldFlag | dirtyFlag;
  }

  /** Sets the acknowledgement of a writable property; `ac` 0 withdraws it. */
  setAck(i: number, ac: number, av: number, ad?: string): void {
    this.ac[i] = ac;
    this.av[i] = av;
    this.ad[i] = ad;
    this.flags[i]! |= heldFlag | dirtyFlag;
  }

  private wire(i: number): unknown {
    if (!(this.flags[i]! & writableFlag)) return this.values[i];
    if (this.ac[i] === 0) return null;
    // A merge keeps what is not named: an absent text must be deleted with null.
    const ad = this.ad[i] ?? null;
    return { value: this.values[i], ac: this.ac[i], av: this.av[i], ad };
  }

  /**
   * Compares row `i` with what the hub holds (undefined: nothing) and marks it if they differ.
   * With `isSettled` an acknowledgement of an older version of the same value is as good as ours.
   */
  reconcile(i: number, held: unknown, isSettled: boolean): void {
    const flags = this.flags[i]!;
    if (!(flags & heldFlag)) return;
    if (isSettled && flags & writableFlag && typeof held === "object" && held !== null) {
      const { value, ac, av } = held as { value?: unknown; ac?: unknown; av?: unknown };
      const isOlder = typeof av === "number" && av > 0 && av < this.av[i]!;
      if (isOlder && ac === this.ac[i] && sameJson(value, this.values[i])) this.av[i] = av;
    }
    this.flags[i] = sameJson(this.wire(i), held) ? flags & ~dirtyFlag : flags | dirtyFlag;
  }

  /** Body of the next PATCH, undefined if the hub knows everything. Its rows count as sent from now on. */
  takePatch(): string | undefined {
    let body = "";
    for (let i = 0; i < this.flags.length; i++) {
      if (!(this.flags[i]! & dirtyFlag)) continue;
      const member = `${body === "" ? "{" : ","}"${this.names[i]}":${JSON.stringify(this.wire(i))}`;
      if (body !== "" && body.length + member.length > patchLengthMax) break;
      body += member;
      this.flags[i] = (this.flags[i]! & ~dirtyFlag) | sentFlag;
    }
    return body === "" ? undefined : `${body}}`;
  }

  /** Ends the PATCH under way; what it carried is reported again unless `isDone`. */
  endPatch(isDone: boolean): void {
    for (let i = 0; i < this.flags.length; i++) {
      if (!(this.flags[i]! & sentFlag)) continue;
      this.flags[i] = (this.flags[i]! & ~sentFlag) | (isDone ? 0 : dirtyFlag);
    }
  }
}
