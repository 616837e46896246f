// Twins and direct methods of devices and modules.
import type { IdentityName } from "../core/identity.ts";
import type { JsonObject } from "../core/json.ts";
import type { MethodCall, TwinView } from "../core/service.ts";
import type { Api, ApiRequest } from "./api.ts";
import { bodyObject, invalid, optionalNumber, optionalText } from "./input.ts";
import type { HubServices } from "./services.ts";
import { twinJson, twinPatch } from "./twin-wire.ts";

function nameOf(request: ApiRequest): IdentityName {
  const { deviceId = "", moduleId } = request.params;
  return { deviceId, moduleId };
}

function shown(hub: HubServices, twin: TwinView): JsonObject {
  return twinJson(hub, hub.registry.get(twin), twin);
}

function methodCall(body: unknown): MethodCall {
  const object = bodyObject(body);
  const methodName = optionalText(object, "methodName");
  if (!methodName) throw invalid("methodName is missing");
  return {
    methodName,
    payload: object.payload,
    responseTimeoutInSeconds: optionalNumber(object, "responseTimeoutInSeconds"),
    connectTimeoutInSeconds: optionalNumber(object, "connectTimeoutInSeconds"),
  };
}

function addTwinRoutesAt(api: Api, url: string): void {
  const { hub } = api;
  api.add({
    method: "GET",
    url,
    right: "ServiceConnect",
    handle: (request) => shown(hub, hub.twins.read(nameOf(request))),
  });
  api.add({
    method: "PATCH",
    url,
    right: "ServiceConnect",
    handle: (request) =>
      shown(hub, hub.twins.patch(nameOf(request), twinPatch(request.body), request.etag)),
  });
  api.add({
    method: "PUT",
    url,
    right: "ServiceConnect",
    handle: (request) =>
      shown(hub, hub.twins.replace(nameOf(request), twinPatch(request.body), request.etag)),
  });
  api.add({
    method: "POST",
    url: `${url}/methods`,
    right: "ServiceConnect",
    handle: (request) => hub.methods.invoke(nameOf(request), methodCall(request.body)),
  });
}

/** Adds `/twins/{id}…` and `/twins/{id}/modules/{module}…`. */
export function addTwinRoutes(api: Api): void {
  addTwinRoutesAt(api, "/twins/:deviceId");
  addTwinRoutesAt(api, "/twins/:deviceId/modules/:moduleId");
}
