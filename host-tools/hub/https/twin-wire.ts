// Twins as JSON of the service API: the twin's own fields and what the registry adds.
import { isoTime, NEVER } from "../core/environment.ts";
import type { Identity } from "../core/identity.ts";
import { isObject, type JsonObject } from "../core/json.ts";
import type { TwinPatch, TwinView } from "../core/service.ts";
import { bodyObject, invalid } from "./input.ts";
import type { HubServices } from "./services.ts";

/** A twin as GET and queries show it. */
export function twinJson(hub: HubServices, identity: Identity, twin: TwinView): JsonObject {
  const activity = hub.registry.activity(identity);
  const { authentication } = identity;
  const x509 = authentication.type === "selfSigned" ? authentication.x509Thumbprint : undefined;
  const last = activity.lastActivityMs;
  return {
    deviceId: twin.deviceId,
    ...(twin.moduleId !== undefined && { moduleId: twin.moduleId }),
    ...(twin.modelId !== undefined && { modelId: twin.modelId }),
    etag: twin.etag,
    deviceEtag: identity.etag,
    status: identity.status,
    statusReason: identity.statusReason,
    statusUpdateTime:
      identity.statusUpdatedMs === undefined ? NEVER : isoTime(identity.statusUpdatedMs),
    connectionState: activity.connected ? "Connected" : "Disconnected",
    lastActivityTime: last === undefined ? NEVER : isoTime(last),
    cloudToDeviceMessageCount: activity.cloudToDeviceCount,
    authenticationType: authentication.type,
    x509Thumbprint: {
      primaryThumbprint: x509?.primaryThumbprint ?? null,
      secondaryThumbprint: x509?.secondaryThumbprint ?? null,
    },
    version: twin.version,
    tags: twin.tags,
    properties: { desired: twin.properties.desired, reported: twin.properties.reported },
    capabilities: { iotEdge: identity.iotEdge },
  };
}

function part(object: JsonObject, field: string): JsonObject | null | undefined {
  const value = Object.hasOwn(object, field) ? object[field] : undefined;
  if (value !== undefined && value !== null && !isObject(value))
    throw invalid(`${field} must be an object`);
  return value;
}

/** What the service writes on its own level: SDKs send a twin back as they got it. */
function withoutStamps(patch: JsonObject | null | undefined): JsonObject | null | undefined {
  if (!patch) return patch;
  const { $version: _version, $metadata: _metadata, ...rest } = patch;
  return rest;
}

/** Tags and desired properties of a PATCH or PUT. @throws HubError 400004 naming the field. */
export function twinPatch(body: unknown): TwinPatch {
  const object = bodyObject(body);
  const tags = part(object, "tags");
  const properties = part(object, "properties");
  const desired = properties ? withoutStamps(part(properties, "desired")) : undefined;
  return { ...(tags !== undefined && { tags }), ...(desired !== undefined && { desired }) };
}
