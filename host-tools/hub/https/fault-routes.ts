// Faults on purpose over HTTPS: `POST /faults/{verb}`, `DELETE /faults`. godwit's own.
import type { JsonObject } from "../core/json.ts";
import type { Api } from "./api.ts";
import { bodyObject, invalid, optionalNumber, optionalText } from "./input.ts";
import type { HubServices } from "./services.ts";

const durationDefaultS = 30;
const durationMaxS = 24 * 3600;

interface FaultOrder {
  /** `*`: all devices. */
  readonly deviceId: string;
  readonly durationMs: number;
  readonly body: JsonObject;
}

type FaultVerb = (hub: HubServices, order: FaultOrder) => JsonObject;

function connackCode(body: JsonObject): 3 | 4 | 5 {
  const code = optionalNumber(body, "returnCode") ?? 3;
  if (code !== 3 && code !== 4 && code !== 5) throw invalid("returnCode must be 3, 4 or 5");
  return code;
}

const verbs: Readonly<Record<string, FaultVerb>> = {
  drop: (hub, { deviceId }) => ({ connections: hub.faults.drop(deviceId) }),
  expire: (hub, { deviceId }) => ({ connections: hub.faults.expireToken(deviceId) }),
  throttle: (hub, { deviceId, durationMs }) => {
    hub.faults.throttle(deviceId, durationMs);
    return { durationMs };
  },
  refuse: (hub, { deviceId, durationMs, body }) => {
    const returnCode = connackCode(body);
    hub.faults.refuse(deviceId, durationMs, returnCode);
    return { durationMs, returnCode };
  },
  delay: (hub, { deviceId, durationMs, body }) => {
    const delayMs = optionalNumber(body, "delayMs") ?? 1000;
    if (!(delayMs >= 0 && delayMs <= 60_000)) throw invalid("delayMs must be 0 to 60000");
    hub.faults.delay(deviceId, delayMs, durationMs);
    return { durationMs, delayMs };
  },
  failover: (hub, { durationMs }) => {
    hub.faults.failOver(durationMs);
    return { durationMs };
  },
  skew: (hub, { body }) => {
    const skewMs = optionalNumber(body, "skewMs");
    if (skewMs === undefined || !Number.isFinite(skewMs)) throw invalid("skewMs is missing");
    hub.faults.skewClock(skewMs);
    return { skewMs };
  },
};

/** Names of the faults that the API knows. */
export const faultVerbs: readonly string[] = Object.keys(verbs);

function order(body: JsonObject): FaultOrder {
  const seconds = optionalNumber(body, "durationS") ?? durationDefaultS;
  if (!(seconds > 0 && seconds <= durationMaxS))
    throw invalid(`durationS must be above 0 and at most ${durationMaxS}`);
  const deviceId = optionalText(body, "deviceId") ?? "*";
  return { deviceId, durationMs: seconds * 1000, body };
}

/** Adds the fault verbs. */
export function addFaultRoutes(api: Api): void {
  const { hub } = api;
  api.add({
    method: "POST",
    url: "/faults/:verb",
    right: "ServiceConnect",
    handle: (request) => {
      const { verb = "" } = request.params;
      const fault = Object.hasOwn(verbs, verb) ? verbs[verb] : undefined;
      if (!fault) throw invalid(`fault "${verb}" is not known, only ${faultVerbs.join(", ")}`);
      const given = order(bodyObject(request.body ?? {}));
      if (given.deviceId !== "*") hub.registry.get({ deviceId: given.deviceId });
      return { verb, deviceId: given.deviceId, ...fault(hub, given) };
    },
  });
  api.add({
    method: "DELETE",
    url: "/faults",
    right: "ServiceConnect",
    handle: () => hub.faults.clear(),
  });
}
