/** Topics that only the service side makes, and its WebSocket entry; devices never load this file. */
import { encodePercent } from "../codec/percent.ts";
import {
  DPS_RESPONSE_PREFIX,
  METHOD_REQUEST_PREFIX,
  TWIN_DESIRED_PREFIX,
  TWIN_RESPONSE_PREFIX,
} from "./topics.ts";

export const WEBSOCKET_PATH = "/$iothub/websocket";
export const WEBSOCKET_PROTOCOL = "mqtt";

export function twinDesiredTopic(version: number): string {
  return `${TWIN_DESIRED_PREFIX}?$version=${version}`;
}

export function twinResponseTopic(status: number, rid: string, version?: number): string {
  const tail = version === undefined ? "" : `&$version=${version}`;
  return `${TWIN_RESPONSE_PREFIX}${status}/?$rid=${rid}${tail}`;
}

export function methodRequestTopic(name: string, rid: string): string {
  return `${METHOD_REQUEST_PREFIX}${encodePercent(name)}/?$rid=${rid}`;
}

/** `retryAfterS` tells the device how many seconds to wait before it asks again. */
export function dpsResponseTopic(status: number, rid: string, retryAfterS?: number): string {
  const tail = retryAfterS === undefined ? "" : `&retry-after=${retryAfterS}`;
  return `${DPS_RESPONSE_PREFIX}${status}/?$rid=${rid}${tail}`;
}
