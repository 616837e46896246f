/** Desired properties (PnP convention): checked, offered to the application once per change, acknowledged. */
import { GodwitError } from "../codec/error.ts";
import type { Schema } from "../model/types.ts";
import { validate } from "../model/validate.ts";
import { countMax, JsonMembers, parseJson, sameJson } from "./json.ts";
import { Refusal } from "./refusal.ts";
import { metFlag, type Reported, writableFlag } from "./reported.ts";

/** PnP acknowledgement codes. */
const done = 200;
const inProgress = 202;
const setByDevice = 203;
const refused = 400;

export type Outcome = Refusal | undefined;

/** The application's side. Neither call may throw. */
export interface Applier {
  /** Offers a checked value; a promise keeps the acknowledgement at 202 until it settles (it must not reject). */
  offer(name: string, value: unknown, version: number): Outcome | Promise<Outcome>;
  /** A promise has settled: acknowledgements wait to be sent. */
  wake(): void;
}

/** Version in a twin document, or undefined where there is none. @throws GodwitError `malformed` */
export function readVersion(bytes: Uint8Array, start: number, end: number): number | undefined {
  const members = new JsonMembers(bytes, start, end);
  while (members.next()) {
    if (members.name !== "$version") continue;
    const version = parseJson(bytes.subarray(members.start, members.end), 1);
    if (Number.isSafeInteger(version) && (version as number) > 0) return version as number;
    throw new GodwitError("malformed", "$version is not a positive integer");
  }
  return undefined;
}

/** RFC 7396 merge as far as the model goes: a name it does not know is left for validation to refuse. */
function merge(schema: Schema, base: unknown, patch: unknown): unknown {
  const isObject = typeof patch === "object" && patch !== null && !Array.isArray(patch);
  if (schema.type !== "object" || !isObject || typeof base !== "object") return patch;
  for (const key of Object.keys(patch)) if (!Object.hasOwn(schema.fields, key)) return patch;
  const merged: Record<string, unknown> = {};
  for (const key of Object.keys(schema.fields)) {
    const old = (base as Record<string, unknown>)[key];
    const value = Object.hasOwn(patch, key)
      ? merge(schema.fields[key]!, old, (patch as Record<string, unknown>)[key])
      : old;
    if (value !== undefined && value !== null) merged[key] = value;
  }
  return merged;
}

export class Desired {
  /** Version of the document that was applied last; 0 before the first. */
  version = 0;
  /** The document being applied comes from the device's own store: handlers are told version 0. */
  isBooting = false;
  /** Offer a value again in every new version that names it, though it has not changed. */
  repeatsOffers = false;
  private table: Reported;
  private applier: Applier;
  /** What the cloud asked for last, refused values included. */
  private asked: unknown[];

  constructor(table: Reported, applier: Applier) {
    this.table = table;
    this.applier = applier;
    this.asked = new Array(table.names.length).fill(undefined);
  }

  /**
   * Applies a whole document (`isFull`) or a patch, found in `bytes` between `start` and `end`.
   * @throws GodwitError `malformed`; members before the fault have been applied then
   */
  apply(bytes: Uint8Array, start: number, end: number, version: number, isFull: boolean): void {
    const { names, flags } = this.table;
    for (let i = 0; i < flags.length; i++) flags[i]! &= ~metFlag;
    const members = new JsonMembers(bytes, start, end);
    while (members.next()) {
      const i = names.indexOf(members.name);
      if (i < 0 || !(flags[i]! & writableFlag)) continue;
      flags[i]! |= metFlag;
      this.read(i, bytes.subarray(members.start, members.end), version, isFull);
    }
    if (isFull) this.applyDefaults();
    this.version = version;
  }

  /** Puts the default in place of every writable property that the last document did not name. */
  applyDefaults(): void {
    const { flags } = this.table;
    for (let i = 0; i < flags.length; i++) {
      if ((flags[i]! & (metFlag | writableFlag)) === writableFlag) this.withdraw(i);
    }
  }

  /** The application has changed a writable property by itself. */
  override(i: number, value: unknown): void {
    if (sameJson(this.table.values[i], value)) return;
    this.table.values[i] = value;
    this.table.setAck(i, setByDevice, 0, "set by the device");
  }

  /** The values in effect that the cloud has set, as a document that `apply` reads back. */
  toText(): string {
    const { names, values, ac } = this.table;
    let text = `{"$version":${this.version}`;
    for (let i = 0; i < names.length; i++) {
      // A refused value leaves the one before it in effect: that one has to survive.
      if (values[i] === undefined || ac[i] === 0 || ac[i] === setByDevice) continue;
      text += `,"${names[i]}":${JSON.stringify(values[i])}`;
    }
    return `${text}}`;
  }

  private read(i: number, bytes: Uint8Array, version: number, isFull: boolean): void {
    const spec = this.table.specs[i]!;
    let value: unknown;
    try {
      value = parseJson(bytes, countMax(spec));
    } catch (error) {
      this.asked[i] = undefined;
      this.table.setAck(i, refused, version, (error as Error).message);
      return;
    }
    if (value === null) this.withdraw(i);
    else this.offer(i, isFull ? value : merge(spec, this.asked[i], value), version, isFull);
  }

  private offer(i: number, value: unknown, version: number, isFull: boolean): void {
    const table = this.table;
    const isNew = version !== this.version;
    if (!(this.repeatsOffers && isNew) && sameJson(value, this.asked[i])) {
      if (isFull || sameJson(value, table.values[i])) {
        const ac = table.ac[i]!;
        if (isNew && ac !== setByDevice) table.setAck(i, ac, version, table.ad[i]);
        return;
      }
    }
    this.asked[i] = value;
    const problem = validate(table.specs[i]!, value);
    if (problem !== undefined) {
      table.setAck(i, refused, version, problem);
      return;
    }
    const outcome = this.applier.offer(table.names[i]!, value, this.isBooting ? 0 : version);
    if (outcome instanceof Promise) {
      table.setAck(i, inProgress, version);
      void outcome.then((late) => {
        // A newer value may have been offered meanwhile: then this answer is about the past.
        if (this.asked[i] !== value || table.ac[i] !== inProgress) return;
        this.conclude(i, value, table.av[i]!, late);
        this.applier.wake();
      });
    } else this.conclude(i, value, version, outcome);
  }

  private conclude(i: number, value: unknown, version: number, outcome: Outcome): void {
    if (outcome instanceof Refusal) {
      this.table.setAck(i, outcome.status, version, outcome.description);
      return;
    }
    this.table.values[i] = value;
    this.table.setAck(i, done, version);
  }

  private withdraw(i: number): void {
    const table = this.table;
    const { default: initial } = table.specs[i]!;
    if (this.asked[i] === undefined && table.ac[i] === setByDevice) return;
    this.asked[i] = undefined;
    if (initial === undefined) {
      if (table.ac[i] === 0) return;
      table.values[i] = undefined;
      table.setAck(i, 0, 0);
      return;
    }
    if (!sameJson(table.values[i], initial)) void this.applier.offer(table.names[i]!, initial, 0);
    table.values[i] = initial;
    table.setAck(i, setByDevice, 0, "default");
  }
}
