// Registry: devices and modules one by one, many at once, and statistics.
import { HubError } from "../core/hub-error.ts";
import type { Identity, IdentityName, IdentitySpec } from "../core/identity.ts";
import { isObject, type Json, type JsonObject } from "../core/json.ts";
import type { Api, ApiRequest } from "./api.ts";
import { identityJson, identitySpec } from "./device-wire.ts";
import { bodyObject, invalid, optionalText } from "./input.ts";
import type { HubServices } from "./services.ts";

/** Devices that a listing gives at most (the service's own limit). */
const listMax = 1000;
/** Devices that one bulk call takes at most (the service's own limit). */
const bulkMax = 100;

function nameOf(request: ApiRequest): IdentityName {
  const { deviceId = "", moduleId } = request.params;
  return { deviceId, moduleId };
}

function shown(hub: HubServices, identity: Identity): JsonObject {
  return identityJson(identity, hub.registry.activity(identity));
}

/** PUT without If-Match creates, with If-Match it updates. */
function put(hub: HubServices, request: ApiRequest): JsonObject {
  const { deviceId, moduleId } = nameOf(request);
  const spec = identitySpec(bodyObject(request.body), deviceId, moduleId);
  const { registry } = hub;
  const identity =
    request.etag === undefined ? registry.create(spec) : registry.update(spec, request.etag);
  return shown(hub, identity);
}

function addIdentityRoutes(api: Api, url: string): void {
  const { hub } = api;
  api.add({
    method: "GET",
    url,
    right: "RegistryRead",
    handle: (request) => shown(hub, hub.registry.get(nameOf(request))),
  });
  api.add({ method: "PUT", url, right: "RegistryWrite", handle: (request) => put(hub, request) });
  api.add({
    method: "DELETE",
    url,
    right: "RegistryWrite",
    handle: (request) => hub.registry.remove(nameOf(request), request.etag),
  });
}

type Import = (hub: HubServices, spec: IdentitySpec, etag: string) => unknown;

/** Modes of the bulk call, in lower case: SDKs write some of them with a capital. */
const imports: Readonly<Record<string, Import>> = {
  create: (hub, spec) => hub.registry.create(spec),
  update: (hub, spec) => hub.registry.update(spec, "*"),
  updateifmatchetag: (hub, spec, etag) => hub.registry.update(spec, etag),
  createorupdate: (hub, spec) =>
    hub.registry.find(spec) ? hub.registry.update(spec, "*") : hub.registry.create(spec),
  delete: (hub, spec) => hub.registry.remove(spec, "*"),
  deleteifmatchetag: (hub, spec, etag) => hub.registry.remove(spec, etag),
};

/** One entry of a bulk call. */
function importOne(hub: HubServices, entry: JsonObject, deviceId: string): void {
  const mode = optionalText(entry, "importMode") ?? "create";
  const etag = optionalText(entry, "eTag") ?? optionalText(entry, "etag") ?? "";
  const key = mode.toLowerCase();
  const action = Object.hasOwn(imports, key) ? imports[key] : undefined;
  if (!action) throw invalid(`importMode "${mode}" is not known`);
  action(hub, identitySpec(entry, deviceId), etag);
}

function bulk(hub: HubServices, request: ApiRequest): JsonObject {
  if (!Array.isArray(request.body)) throw invalid("the body must be an array of devices");
  if (request.body.length > bulkMax) throw invalid(`more than ${bulkMax} devices in one call`);
  const errors: Json[] = [];
  for (const entry of request.body as unknown[]) {
    const id = isObject(entry) ? (optionalText(entry, "id") ?? "") : "";
    try {
      if (!isObject(entry) || id === "") throw invalid("an entry has no id");
      importOne(hub, entry, id);
    } catch (error) {
      if (!(error instanceof HubError)) throw error;
      errors.push({ deviceId: id, errorCode: error.codeName, errorStatus: error.message });
    }
  }
  if (errors.length > 0) request.reply.code(400);
  return { isSuccessful: errors.length === 0, errors, warnings: [] };
}

function list(hub: HubServices, request: ApiRequest): JsonObject[] {
  const top = Number(request.query.top ?? listMax);
  if (!Number.isInteger(top) || top < 1) throw invalid("top must be a positive number");
  const found: JsonObject[] = [];
  for (const identity of hub.registry.devices()) {
    if (found.length >= Math.min(top, listMax)) break;
    found.push(shown(hub, identity));
  }
  return found;
}

function connectedCount(hub: HubServices): number {
  let count = 0;
  for (const identity of hub.registry.devices())
    if (hub.registry.activity(identity).connected) count += 1;
  return count;
}

/** Adds `/devices…`, `/devices/{id}/modules…` and `/statistics…`. */
export function addDeviceRoutes(api: Api): void {
  const { hub } = api;
  addIdentityRoutes(api, "/devices/:deviceId");
  addIdentityRoutes(api, "/devices/:deviceId/modules/:moduleId");
  api.add({
    method: "GET",
    url: "/devices",
    right: "RegistryRead",
    handle: (request) => list(hub, request),
  });
  api.add({
    method: "POST",
    url: "/devices",
    right: "RegistryWrite",
    handle: (request) => bulk(hub, request),
  });
  api.add({
    method: "GET",
    url: "/devices/:deviceId/modules",
    right: "RegistryRead",
    handle: (request) => {
      const { deviceId } = hub.registry.get({ deviceId: request.params.deviceId ?? "" });
      return [...hub.registry.modules(deviceId)].map((identity) => shown(hub, identity));
    },
  });
  api.add({
    method: "GET",
    url: "/statistics/devices",
    right: "RegistryRead",
    handle: () => {
      const { total, enabled, disabled } = hub.registry.count();
      return {
        totalDeviceCount: total,
        enabledDeviceCount: enabled,
        disabledDeviceCount: disabled,
      };
    },
  });
  api.add({
    method: "GET",
    url: "/statistics/service",
    right: "RegistryRead",
    handle: () => ({ connectedDeviceCount: connectedCount(hub) }),
  });
}
