/** Device twin over MQTT (IoT Hub "device twins"): fetched on every connection, gaps repaired, reports resent until held. */
import { GodwitError } from "../codec/error.ts";
import type { PropertySpec } from "../model/types.ts";
import type { LogLevel } from "../ports/log.ts";
import { type Applier, Desired, readVersion } from "./desired.ts";
import { countMax, JsonMembers, parseJson } from "./json.ts";
import { Reported } from "./reported.ts";

/** How long an answer to GET or PATCH is waited for. */
const answerTimeoutMs = 15_000;
const retryMinMs = 1000;
const retryMaxMs = 120_000;
/** Flash wear: the stored desired state is written at most this often; the next connection repairs the rest. */
const persistIntervalMs = 10_000;

/** What the twin needs from outside. No call may throw. */
export interface TwinHost extends Applier {
  /** Publishes a request with QoS 0; false if there is no room for it now. */
  publishGet(rid: number): boolean;
  publishPatch(rid: number, body: string): boolean;
  /** Stores the desired state for the next boot. */
  persist(text: string): void;
  /** Random number in [0, 1). */
  jitter(): number;
  log(level: LogLevel, text: string): void;
}

export interface TwinCounters {
  gets: number;
  patches: number;
  /** Notifications older than what was known. */
  stale: number;
  /** Missed notifications that made a new GET necessary. */
  gaps: number;
  /** Requests without an answer, throttled, or failed in the hub. */
  retries: number;
  /** Reports the hub refused for good. */
  refused: number;
}

export class Twin {
  readonly table: Reported;
  readonly counters: TwinCounters = {
    gets: 0,
    patches: 0,
    stale: 0,
    gaps: 0,
    retries: 0,
    refused: 0,
  };
  readonly desired: Desired;
  private host: TwinHost;
  private isConnected = false;
  /** The desired state is that of the hub, as far as the notifications of this connection tell. */
  private isFresh = false;
  private notifiedVersion = 0;
  private rid = 0;
  /** Request id under way, 0 if none; `…AtMs` is its deadline then, else the earliest time of the next one. */
  private getRid = 0;
  private getAtMs = Infinity;
  private patchRid = 0;
  private patchAtMs = 0;
  private getFailures = 0;
  private patchFailures = 0;
  private persistAtMs = Infinity;
  private persistedAtMs = -Infinity;

  constructor(properties: Readonly<Record<string, PropertySpec>>, host: TwinHost) {
    this.host = host;
    this.table = new Reported(properties);
    this.desired = new Desired(this.table, host);
  }

  /** Applies the state stored by `persist`, if any, and the defaults: the device works before it is connected. */
  restore(stored: Uint8Array | undefined): void {
    this.desired.isBooting = true;
    try {
      const version = stored && readVersion(stored, 0, stored.length);
      if (stored && version) this.desired.apply(stored, 0, stored.length, version, true);
    } catch (error) {
      this.host.log("warn", `twin: stored desired state ignored: ${(error as Error).message}`);
    }
    this.desired.applyDefaults();
    this.desired.isBooting = false;
  }

  /** The hub accepted the session: asks for the twin at once. */
  connected(nowMs: number): void {
    this.disconnected();
    this.isConnected = true;
    this.getFailures = 0;
    this.patchFailures = 0;
    this.patchAtMs = nowMs;
    this.get(nowMs);
  }

  disconnected(): void {
    this.isConnected = false;
    this.isFresh = false;
    this.notifiedVersion = 0;
    this.getRid = 0;
    this.getAtMs = Infinity;
    this.patchRid = 0;
    this.table.endPatch(false);
  }

  /** True while the hub is known to hold every reported value, and the device the hub's desired state. */
  get isConverged(): boolean {
    return this.isFresh && this.patchRid === 0 && !this.table.isDirty;
  }

  /**
   * Reports properties; values that the hub holds already cost nothing.
   * @throws GodwitError `argument` or `limit`, naming the property; nothing is taken then
   */
  report(values: Readonly<Record<string, unknown>>): void {
    this.table.check(values);
    for (const name of Object.keys(values)) {
      const i = this.table.names.indexOf(name);
      if (this.table.specs[i]!.writable) this.desired.override(i, values[name]);
      else this.table.setValue(i, values[name]);
    }
    this.host.wake();
  }

  /** Takes the answer to a request; answers to requests given up are ignored. */
  response(status: number, rid: number, body: Uint8Array, nowMs: number): void {
    if (rid === 0) return;
    if (rid === this.getRid) {
      this.getRid = 0;
      if (status === 200) this.takeTwin(body, nowMs);
      else this.retryGet(`GET answered ${status}`, nowMs);
    } else if (rid === this.patchRid) this.endPatch(status, nowMs);
  }

  /** Takes a notification of changed desired properties. */
  notification(version: number | undefined, body: Uint8Array, nowMs: number): void {
    const { desired, counters } = this;
    try {
      const newVersion = readVersion(body, 0, body.length) ?? version;
      if (newVersion === undefined) throw new GodwitError("malformed", "no $version");
      if (newVersion > this.notifiedVersion) this.notifiedVersion = newVersion;
      if (!this.isFresh) return;
      if (newVersion <= desired.version) counters.stale++;
      else if (newVersion === desired.version + 1) {
        desired.apply(body, 0, body.length, newVersion, false);
        this.changed(nowMs);
      } else {
        counters.gaps++;
        this.isFresh = false;
        this.get(nowMs);
      }
    } catch (error) {
      this.retryGet(`notification ${(error as Error).message}`, nowMs);
    }
  }

  /** Messages were lost on this side; a notification may have been among them. */
  missed(nowMs: number): void {
    if (this.isFresh) this.retryGet("messages were lost", nowMs);
  }

  /** Does what is due. */
  tick(nowMs: number): void {
    if (nowMs >= this.persistAtMs) {
      this.persistAtMs = Infinity;
      this.persistedAtMs = nowMs;
      this.host.persist(this.desired.toText());
    }
    if (!this.isConnected) return;
    if (nowMs >= this.getAtMs) {
      if (this.getRid !== 0) this.retryGet("GET not answered", nowMs);
      else this.get(nowMs);
    }
    if (nowMs < this.patchAtMs) return;
    if (this.patchRid !== 0) this.endPatch(0, nowMs);
    else if (this.mayPatch) this.patch(nowMs);
  }

  /** Monotonic time at which `tick` has something to do. */
  nextDeadlineMs(): number {
    if (!this.isConnected) return this.persistAtMs;
    const patchAtMs = this.patchRid !== 0 || this.mayPatch ? this.patchAtMs : Infinity;
    return Math.min(this.persistAtMs, this.getAtMs, patchAtMs);
  }

  /** A twin that cannot be fetched must not keep reports back for ever. */
  private get mayPatch(): boolean {
    return (this.isFresh || this.getFailures > 1) && this.table.isDirty;
  }

  private get(nowMs: number): void {
    const rid = ++this.rid;
    const isSent = this.host.publishGet(rid);
    this.getRid = isSent ? rid : 0;
    this.getAtMs = nowMs + (isSent ? answerTimeoutMs : retryMinMs);
    if (isSent) this.counters.gets++;
  }

  private patch(nowMs: number): void {
    const body = this.table.takePatch();
    if (body === undefined) return;
    const rid = ++this.rid;
    if (this.host.publishPatch(rid, body)) {
      this.patchRid = rid;
      this.patchAtMs = nowMs + answerTimeoutMs;
      this.counters.patches++;
    } else {
      this.table.endPatch(false);
      this.patchAtMs = nowMs + retryMinMs;
    }
  }

  /** `status` 0: no answer. */
  private endPatch(status: number, nowMs: number): void {
    const isDone = status >= 200 && status < 300;
    const isPassing = status === 0 || status === 408 || status === 429 || status >= 500;
    this.patchRid = 0;
    this.patchAtMs = nowMs;
    this.table.endPatch(!isPassing);
    if (isDone) this.patchFailures = 0;
    else if (isPassing) {
      this.counters.retries++;
      this.patchAtMs = nowMs + this.retryDelayMs(this.patchFailures++);
    } else {
      this.counters.refused++;
      this.host.log("error", `twin: the hub refused reported properties with ${status}`);
    }
  }

  private retryGet(reason: string, nowMs: number): void {
    this.counters.retries++;
    this.isFresh = false;
    this.getRid = 0;
    const delayMs = this.retryDelayMs(this.getFailures++);
    this.getAtMs = nowMs + delayMs;
    this.host.log("warn", `twin: ${reason}; again in ${Math.round(delayMs / 1000)} s`);
  }

  private retryDelayMs(failures: number): number {
    const ceilingMs = Math.min(retryMaxMs, retryMinMs * 2 ** Math.min(failures, 10));
    return ceilingMs * (0.5 + this.host.jitter() / 2);
  }

  private takeTwin(body: Uint8Array, nowMs: number): void {
    const { desired } = this;
    this.getAtMs = Infinity;
    try {
      const members = new JsonMembers(body);
      let desiredStart = 0;
      let desiredEnd = 0;
      let reportedStart = 0;
      let reportedEnd = 0;
      while (members.next()) {
        if (members.name === "desired") [desiredStart, desiredEnd] = [members.start, members.end];
        if (members.name === "reported") {
          [reportedStart, reportedEnd] = [members.start, members.end];
        }
      }
      const version = readVersion(body, desiredStart, desiredEnd);
      if (version === undefined) throw new GodwitError("malformed", "no $version");
      if (version < this.notifiedVersion) {
        // The answer was overtaken by a change: applying it would bring old values back.
        if (this.getFailures++ === 0) this.get(nowMs);
        else this.retryGet("GET answered with an old version", nowMs);
        return;
      }
      const isSettled = version === desired.version;
      if (version < desired.version) {
        const versions = `${desired.version} to ${version}`;
        this.host.log("warn", `twin: version went back from ${versions}: a new identity?`);
      }
      desired.apply(body, desiredStart, desiredEnd, version, true);
      this.reconcile(body, reportedStart, reportedEnd, isSettled);
      this.isFresh = true;
      this.getFailures = 0;
      if (!isSettled) this.changed(nowMs);
    } catch (error) {
      this.retryGet(`GET answer ${(error as Error).message}`, nowMs);
    }
  }

  private reconcile(bytes: Uint8Array, start: number, end: number, isSettled: boolean): void {
    const { table } = this;
    const held = new Array(table.names.length).fill(undefined);
    if (end > start) {
      const members = new JsonMembers(bytes, start, end);
      while (members.next()) {
        const i = table.names.indexOf(members.name);
        if (i < 0) continue;
        try {
          // An acknowledgement wraps the value in an object of four members.
          const valuesMax = 5 + countMax(table.specs[i]!);
          held[i] = parseJson(bytes.subarray(members.start, members.end), valuesMax);
        } catch {
          // What this device cannot have written counts as absent and is overwritten.
          held[i] = undefined;
        }
      }
    }
    for (let i = 0; i < held.length; i++) table.reconcile(i, held[i], isSettled);
  }

  private changed(nowMs: number): void {
    if (this.persistAtMs !== Infinity) return;
    this.persistAtMs = Math.max(nowMs, this.persistedAtMs + persistIntervalMs);
  }
}
