// The identity registry: devices and modules with their keys (IoT Hub REST "Service - Devices", 2021-04-12).
import { checkEtag, type HubContext } from "./context.ts";
import { randomHex, randomKey } from "./environment.ts";
import { HubError } from "./hub-error.ts";
import {
  type Authentication,
  type Identity,
  type IdentityActivity,
  type IdentityName,
  type IdentitySpec,
  identityKey,
} from "./identity.ts";
import { lifecycleEvent } from "./notifications.ts";
import type { RegistryService } from "./service.ts";

/** IoT Hub's own limits. */
const IDENTITIES_MAX = 1_000_000;
const MODULES_PER_DEVICE_MAX = 50;
/** ASCII letters, digits and these marks; 128 characters. */
const ID_PATTERN = /^[A-Za-z0-9\-.%_*?!(),:=@$']{1,128}$/;

/** Called by the registry so that what belongs to an identity lives and dies with it. */
export interface IdentityWatcher {
  created(identity: Identity): void;
  removed(identity: Identity): void;
  changed(identity: Identity): void;
}

export class Registry implements RegistryService {
  readonly #context: HubContext;
  readonly #identities = new Map<string, Identity>();
  readonly #modules = new Map<string, Set<string>>();
  readonly #activity = new Map<string, IdentityActivity>();
  readonly #watchers: IdentityWatcher[] = [];

  constructor(context: HubContext) {
    this.#context = context;
    for (const [, identity] of context.journal.load<Identity>("identity")) this.#index(identity);
  }

  watch(watcher: IdentityWatcher): void {
    this.#watchers.push(watcher);
  }

  create(spec: IdentitySpec): Identity {
    this.#checkNew(spec);
    this.#context.throttles.demand("identity");
    const { environment, journal } = this.#context;
    const identity: Identity = {
      deviceId: spec.deviceId,
      ...(spec.moduleId === undefined ? {} : { moduleId: spec.moduleId }),
      generationId: BigInt(`0x${randomHex(environment, 7)}`).toString(),
      etag: this.#newEtag(),
      status: spec.status ?? "enabled",
      statusReason: spec.statusReason ?? null,
      statusUpdatedMs: undefined,
      createdMs: this.#context.nowMs(),
      authentication: this.#authentication(spec, undefined),
      iotEdge: spec.iotEdge ?? false,
      ...(spec.managedBy === undefined ? {} : { managedBy: spec.managedBy }),
    };
    this.#index(identity);
    journal.put("identity", identityKey(identity), identity);
    for (const watcher of this.#watchers) watcher.created(identity);
    this.#context.events.append(lifecycleEvent(this.#context, identity, "create"));
    this.#context.events.commit();
    return identity;
  }

  update(spec: IdentitySpec, etag?: string): Identity {
    const current = this.get(spec);
    checkEtag(etag, current.etag, `identity "${identityKey(spec)}"`);
    this.#context.throttles.demand("identity");
    const status = spec.status ?? current.status;
    const identity: Identity = {
      ...current,
      etag: this.#newEtag(),
      status,
      statusReason: spec.statusReason ?? current.statusReason,
      statusUpdatedMs: status === current.status ? current.statusUpdatedMs : this.#context.nowMs(),
      authentication: this.#authentication(spec, current.authentication),
      iotEdge: spec.iotEdge ?? current.iotEdge,
    };
    this.#identities.set(identityKey(identity), identity);
    this.#context.journal.put("identity", identityKey(identity), identity);
    for (const watcher of this.#watchers) watcher.changed(identity);
    this.#context.journal.commit();
    return identity;
  }

  remove(name: IdentityName, etag?: string): void {
    const identity = this.get(name);
    checkEtag(etag, identity.etag, `identity "${identityKey(name)}"`);
    this.#context.throttles.demand("identity");
    if (identity.moduleId === undefined) {
      for (const module of [...this.modules(identity.deviceId)]) this.#drop(module);
    }
    this.#drop(identity);
    this.#context.events.commit();
  }

  find(name: IdentityName): Identity | undefined {
    return this.#identities.get(identityKey(name));
  }

  get(name: IdentityName): Identity {
    const identity = this.find(name);
    if (identity !== undefined) return identity;
    if (name.moduleId === undefined || this.find({ deviceId: name.deviceId }) === undefined) {
      throw new HubError(404001, `device "${name.deviceId}" is not registered`);
    }
    throw new HubError(404010, `device "${name.deviceId}" has no module "${name.moduleId}"`);
  }

  *devices(): Iterable<Identity> {
    for (const key of [...this.#identities.keys()].sort()) {
      const identity = this.#identities.get(key);
      if (identity !== undefined && identity.moduleId === undefined) yield identity;
    }
  }

  *modules(deviceId: string): Iterable<Identity> {
    for (const key of [...(this.#modules.get(deviceId) ?? [])].sort()) {
      yield this.#identities.get(key)!;
    }
  }

  activity(name: IdentityName): IdentityActivity {
    const key = identityKey(name);
    let activity = this.#activity.get(key);
    if (activity === undefined) {
      activity = {
        connected: false,
        connectionStateUpdatedMs: undefined,
        lastActivityMs: undefined,
        cloudToDeviceCount: 0,
      };
      this.#activity.set(key, activity);
    }
    return activity;
  }

  count(): { total: number; enabled: number; disabled: number } {
    let enabled = 0;
    let disabled = 0;
    for (const identity of this.#identities.values()) {
      if (identity.moduleId !== undefined) continue;
      if (identity.status === "enabled") enabled += 1;
      else disabled += 1;
    }
    return { total: enabled + disabled, enabled, disabled };
  }

  #index(identity: Identity): void {
    const key = identityKey(identity);
    this.#identities.set(key, identity);
    if (identity.moduleId === undefined) return;
    const modules = this.#modules.get(identity.deviceId) ?? new Set();
    this.#modules.set(identity.deviceId, modules.add(key));
  }

  #drop(identity: Identity): void {
    const key = identityKey(identity);
    this.#identities.delete(key);
    this.#activity.delete(key);
    if (identity.moduleId === undefined) this.#modules.delete(key);
    else this.#modules.get(identity.deviceId)?.delete(key);
    this.#context.journal.delete("identity", key);
    for (const watcher of this.#watchers) watcher.removed(identity);
    this.#context.events.append(lifecycleEvent(this.#context, identity, "delete"));
  }

  #checkNew(spec: IdentitySpec): void {
    for (const id of [spec.deviceId, spec.moduleId ?? "m"]) {
      if (!ID_PATTERN.test(id)) {
        throw new HubError(
          400004,
          `"${id.slice(0, 140)}" is no id: 1 to 128 of letters, digits and - . % _ * ? ! ( ) , : = @ $ '`,
        );
      }
    }
    if (this.find(spec) !== undefined) {
      const code = spec.moduleId === undefined ? 409001 : 409301;
      throw new HubError(code, `"${identityKey(spec)}" is registered already`);
    }
    if (this.#identities.size >= IDENTITIES_MAX) {
      throw new HubError(403004, `a hub holds at most ${IDENTITIES_MAX} identities`);
    }
    if (spec.moduleId === undefined) return;
    this.get({ deviceId: spec.deviceId });
    if ((this.#modules.get(spec.deviceId)?.size ?? 0) >= MODULES_PER_DEVICE_MAX) {
      throw new HubError(400004, `a device has at most ${MODULES_PER_DEVICE_MAX} modules`);
    }
  }

  #authentication(spec: IdentitySpec, current: Authentication | undefined): Authentication {
    const wanted = spec.authentication ?? current ?? { type: "sas" };
    if (wanted.type === "selfSigned") return checkedThumbprints(wanted);
    if (wanted.type !== "sas") return wanted;
    const keys = wanted.symmetricKey ?? (current?.type === "sas" ? current.symmetricKey : {});
    const key = (given: string | undefined): string => {
      if (given === undefined || given === "") return randomKey(this.#context.environment);
      if (!isKey(given)) throw new HubError(400004, "a symmetric key is base64 of 16 to 64 bytes");
      return given;
    };
    return {
      type: "sas",
      symmetricKey: { primaryKey: key(keys.primaryKey), secondaryKey: key(keys.secondaryKey) },
    };
  }

  #newEtag(): string {
    return Buffer.from(randomHex(this.#context.environment, 6)).toString("base64");
  }
}

function isKey(text: string): boolean {
  const bytes = Buffer.from(text, "base64");
  return bytes.length >= 16 && bytes.length <= 64 && bytes.toString("base64") === text;
}

function checkedThumbprints(wanted: Authentication & { type: "selfSigned" }): Authentication {
  const clean = (text: string | null): string | null => {
    if (text === null || text === "") return null;
    const hex = text.replaceAll(":", "").toUpperCase();
    if (/^([0-9A-F]{40}|[0-9A-F]{64})$/.test(hex)) return hex;
    throw new HubError(400004, "a thumbprint is 40 (SHA-1) or 64 (SHA-256) hexadecimal digits");
  };
  const primaryThumbprint = clean(wanted.x509Thumbprint.primaryThumbprint);
  const secondaryThumbprint = clean(wanted.x509Thumbprint.secondaryThumbprint);
  if (primaryThumbprint === null && secondaryThumbprint === null) {
    throw new HubError(400004, "a self-signed identity needs at least one thumbprint");
  }
  return { type: "selfSigned", x509Thumbprint: { primaryThumbprint, secondaryThumbprint } };
}
