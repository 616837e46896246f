// The JSON in which hub and DPS tell a device why a request was refused.
import type { HubContext } from "./context.ts";
import { isoTime, randomUuid } from "./environment.ts";
import type { HubError } from "./hub-error.ts";
import type { JsonObject } from "./json.ts";

/** Clients recognise a failure by `errorCode`, not by the status in the topic. */
export function errorBody(context: HubContext, error: HubError): JsonObject {
  return {
    errorCode: error.code,
    trackingId: randomUuid(context.environment),
    message: error.message,
    timestampUtc: isoTime(context.nowMs()),
  };
}
