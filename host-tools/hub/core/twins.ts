// Device and module twins: documents, versions, etags, notifications (IoT Hub docs "Understand device twins").
import { TWIN_SECTION_BYTES_MAX } from "../../../firmware/connection/limits.ts";
import { TWIN_TAGS_BYTES_MAX } from "../../../firmware/connection/service-limits.ts";
import { checkEtag, type HubContext } from "./context.ts";
import { isoTime, randomHex } from "./environment.ts";
import { HubError } from "./hub-error.ts";
import { type Identity, type IdentityName, identityKey } from "./identity.ts";
import { isObject, type JsonObject } from "./json.ts";
import { twinEvent } from "./notifications.ts";
import type { IdentityWatcher, Registry } from "./registry.ts";
import type { TwinPatch, TwinService, TwinView } from "./service.ts";
import { checkTwinPatch, checkTwinSize } from "./twin-limits.ts";
import {
  emptyObject,
  emptySection,
  mergeSection,
  mergeValues,
  replaceSection,
  type TwinSection,
} from "./twin-merge.ts";

/** As stored. */
interface TwinDocument {
  version: number;
  etag: string;
  modelId?: string;
  tags: JsonObject;
  desired: TwinSection;
  reported: TwinSection;
}

/** Tells a connected device about desired changes; the patch carries `$version`. */
export type DesiredListener = (key: string, patch: JsonObject, version: number) => void;

export class Twins implements TwinService, IdentityWatcher {
  readonly #context: HubContext;
  readonly #registry: Registry;
  readonly #twins = new Map<string, TwinDocument>();
  readonly #onDesired: DesiredListener;

  constructor(context: HubContext, registry: Registry, onDesired: DesiredListener) {
    this.#context = context;
    this.#registry = registry;
    this.#onDesired = onDesired;
    for (const [key, twin] of context.journal.load<TwinDocument>("twin")) {
      this.#twins.set(key, twin);
    }
    registry.watch(this);
  }

  created(identity: Identity): void {
    const time = isoTime(this.#context.nowMs());
    this.#keep(identityKey(identity), {
      version: 1,
      etag: this.#newEtag(),
      tags: emptyObject(),
      desired: emptySection(time),
      reported: emptySection(time),
    });
  }

  removed(identity: Identity): void {
    this.#twins.delete(identityKey(identity));
    this.#context.journal.delete("twin", identityKey(identity));
  }

  changed(): void {
    // Keys and status are no part of the stored twin.
  }

  read(name: IdentityName): TwinView {
    this.#context.throttles.demand("twinRead");
    return this.view(name);
  }

  /** The twin without charging a read: for queries and tests. */
  view(name: IdentityName): TwinView {
    const identity = this.#registry.get(name);
    const twin = this.#document(identity);
    return {
      deviceId: identity.deviceId,
      ...(identity.moduleId === undefined ? {} : { moduleId: identity.moduleId }),
      ...(twin.modelId === undefined ? {} : { modelId: twin.modelId }),
      version: twin.version,
      etag: twin.etag,
      tags: twin.tags,
      properties: { desired: withMetadata(twin.desired), reported: withMetadata(twin.reported) },
    };
  }

  patch(name: IdentityName, patch: TwinPatch, etag?: string): TwinView {
    return this.#change(name, patch, { etag, isReplace: false });
  }

  replace(name: IdentityName, patch: TwinPatch, etag?: string): TwinView {
    return this.#change(name, patch, { etag, isReplace: true });
  }

  /** What a device gets: desired and reported with `$version`, no metadata. The caller commits. */
  readAsDevice(name: IdentityName): JsonObject {
    this.#context.throttles.demand("twinRead");
    const twin = this.#document(this.#registry.get(name));
    return {
      desired: withVersion(twin.desired.values, twin.desired.version),
      reported: withVersion(twin.reported.values, twin.reported.version),
    };
  }

  /**
   * Merges what a device reports and returns the new version of reported. The caller commits.
   * @throws HubError 400004 (limits), 429001.
   */
  report(name: IdentityName, patch: unknown): number {
    const identity = this.#registry.get(name);
    checkTwinPatch(patch, "reported");
    this.#context.throttles.demand("twinUpdate");
    const twin = this.#document(identity);
    const reported = mergeSection(twin.reported, patch, isoTime(this.#context.nowMs()));
    checkTwinSize(reported.values, "reported", TWIN_SECTION_BYTES_MAX);
    this.#keep(identityKey(name), { ...twin, reported, version: twin.version + 1 });
    const body = { properties: { reported: withVersion(patch, reported.version) } };
    this.#context.events.append(twinEvent(this.#context, identity, { opType: "updateTwin", body }));
    return reported.version;
  }

  /** Remembers the model a device announced. The caller commits. */
  announceModel(name: IdentityName, modelId: string): void {
    const twin = this.#document(this.#registry.get(name));
    if (twin.modelId === modelId) return;
    this.#keep(identityKey(name), { ...twin, modelId, version: twin.version + 1 });
  }

  /** Forgets reported and sets tags and desired anew (DPS "reset to initial configuration"). */
  reset(name: IdentityName, initial: { tags?: JsonObject; desired?: JsonObject }): void {
    const time = isoTime(this.#context.nowMs());
    const twin = this.#document(this.#registry.get(name));
    this.#keep(identityKey(name), { ...twin, reported: emptySection(time) });
    this.replace(name, { tags: initial.tags ?? {}, desired: initial.desired ?? {} });
  }

  #change(
    name: IdentityName,
    patch: TwinPatch,
    how: { etag: string | undefined; isReplace: boolean },
  ): TwinView {
    const identity = this.#registry.get(name);
    const key = identityKey(name);
    const twin = this.#document(identity);
    checkEtag(how.etag, twin.etag, `twin "${key}"`);
    const tags = checkedSection(patch.tags, "tags");
    const desired = checkedSection(patch.desired, "desired");
    this.#context.throttles.demand("twinUpdate");
    const time = isoTime(this.#context.nowMs());
    const next: TwinDocument = { ...twin, version: twin.version + 1, etag: this.#newEtag() };
    if (tags !== undefined) {
      const isNew = how.isReplace || patch.tags === null;
      next.tags = mergeValues(isNew ? emptyObject() : twin.tags, tags);
      checkTwinSize(next.tags, "tags", TWIN_TAGS_BYTES_MAX);
    }
    if (desired !== undefined) {
      const isNew = how.isReplace || patch.desired === null;
      const merge = isNew ? replaceSection : mergeSection;
      next.desired = merge(twin.desired, desired, time);
      checkTwinSize(next.desired.values, "desired", TWIN_SECTION_BYTES_MAX);
    }
    this.#keep(key, next);
    this.#announce(identity, patch, how.isReplace);
    if (desired !== undefined) {
      const { version, values } = next.desired;
      this.#onDesired(key, withVersion(how.isReplace ? values : desired, version), version);
    }
    return this.view(name);
  }

  #announce(identity: Identity, patch: TwinPatch, isReplace: boolean): void {
    const body: JsonObject = {};
    if (patch.tags) body.tags = patch.tags;
    if (patch.desired) body.properties = { desired: patch.desired };
    const opType = isReplace ? "replaceTwin" : "updateTwin";
    this.#context.events.append(twinEvent(this.#context, identity, { opType, body }));
    this.#context.events.commit();
  }

  #document(identity: Identity): TwinDocument {
    const twin = this.#twins.get(identityKey(identity));
    if (twin === undefined) {
      throw new HubError(500001, `the twin of "${identityKey(identity)}" is missing in the store`);
    }
    return twin;
  }

  #keep(key: string, twin: TwinDocument): void {
    this.#context.journal.put("twin", key, twin);
    this.#twins.set(key, twin);
  }

  #newEtag(): string {
    return Buffer.from(randomHex(this.#context.environment, 6)).toString("base64");
  }
}

/** Null clears a section; `$version` and `$metadata` that a caller sends back are ignored. */
function checkedSection(section: unknown, name: string): JsonObject | undefined {
  if (section === undefined) return undefined;
  if (section === null) return {};
  if (!isObject(section)) throw new HubError(400004, `${name} is not a JSON object`);
  const rest = { ...section };
  delete rest.$version;
  delete rest.$metadata;
  checkTwinPatch(rest, name);
  return rest;
}

function withVersion(values: JsonObject, version: number): JsonObject {
  const result = emptyObject();
  for (const key of Object.keys(values)) result[key] = values[key]!;
  result.$version = version;
  return result;
}

function withMetadata(section: TwinSection): JsonObject {
  const result = withVersion(section.values, section.version);
  result.$metadata = section.metadata;
  return result;
}
