// Queries over twins, in pages that continue after the last identity shown.
import type { Identity } from "../core/identity.ts";
import type { JsonObject } from "../core/json.ts";
import type { Query } from "../query/ast.ts";
import { matches, project, runQuery } from "../query/evaluate.ts";
import { parseQuery } from "../query/parse.ts";
import { QueryError } from "../query/tokens.ts";
import type { Api, ApiRequest } from "./api.ts";
import { bodyObject, header, invalid, optionalText } from "./input.ts";
import type { HubServices } from "./services.ts";
import { twinJson } from "./twin-wire.ts";

const pageDefault = 100;
const pageMax = 1000;

interface Position {
  /** Id of the last identity shown, with its module. */
  readonly after: readonly [deviceId: string, moduleId: string];
  /** Rows shown so far, for TOP. */
  readonly shown: number;
}

function parsed(body: unknown): Query {
  const text = optionalText(bodyObject(body), "query");
  if (!text) throw invalid("the body has no query");
  try {
    return parseQuery(text);
  } catch (error) {
    if (error instanceof QueryError) throw invalid(error.message);
    throw error;
  }
}

function* identities(hub: HubServices, source: Query["source"]): Iterable<Identity> {
  for (const device of hub.registry.devices()) {
    if (source === "devices") yield device;
    else yield* hub.registry.modules(device.deviceId);
  }
}

function isAfter(identity: Identity, [deviceId, moduleId]: Position["after"]): boolean {
  if (identity.deviceId !== deviceId) return identity.deviceId > deviceId;
  return (identity.moduleId ?? "") > moduleId;
}

function position(token: string | undefined): Position | undefined {
  if (token === undefined || token === "") return undefined;
  try {
    const value = JSON.parse(Buffer.from(token, "base64url").toString()) as Partial<Position>;
    const [deviceId, moduleId] = value.after ?? [];
    if (
      typeof deviceId === "string" &&
      typeof moduleId === "string" &&
      Number.isInteger(value.shown)
    )
      return { after: [deviceId, moduleId], shown: value.shown! };
  } catch {
    // Falls through: what cannot be read was not made by us.
  }
  throw invalid("x-ms-continuation is no token of this hub");
}

function* rows(
  hub: HubServices,
  query: Query,
  start: Position | undefined,
): Iterable<readonly [Identity, JsonObject]> {
  for (const identity of identities(hub, query.source)) {
    if (start && !isAfter(identity, start.after)) continue;
    const row = twinJson(hub, identity, hub.twins.view(identity));
    if (matches(query, row)) yield [identity, row];
  }
}

function runPage(hub: HubServices, request: ApiRequest, query: Query): JsonObject[] {
  const { headers } = request.raw;
  const size = Number(header(headers["x-ms-max-item-count"]) ?? pageDefault);
  if (!Number.isInteger(size) || size < 1) throw invalid("x-ms-max-item-count must be positive");
  const start = position(header(headers["x-ms-continuation"]));
  const before = start?.shown ?? 0;
  const limit = Math.min(size, pageMax, (query.top ?? Number.POSITIVE_INFINITY) - before);
  const page: JsonObject[] = [];
  let last: Identity | undefined;
  for (const [identity, row] of rows(hub, query, start)) {
    if (page.length >= limit) {
      const shown = before + page.length;
      if (query.top !== undefined && shown >= query.top) break;
      const next: Position = { after: [last!.deviceId, last!.moduleId ?? ""], shown };
      const token = Buffer.from(JSON.stringify(next)).toString("base64url");
      request.reply.header("x-ms-continuation", token);
      break;
    }
    page.push(project(query, row));
    last = identity;
  }
  return page;
}

function countAll(hub: HubServices, query: Query): JsonObject[] {
  const all = function* (): Iterable<JsonObject> {
    for (const [, row] of rows(hub, query, undefined)) yield row;
  };
  return runQuery(query, all());
}

/** Adds `POST /devices/query`. */
export function addQueryRoutes(api: Api): void {
  api.add({
    method: "POST",
    url: "/devices/query",
    right: "ServiceConnect",
    handle: (request) => {
      const query = parsed(request.body);
      api.hub.throttles.demand("query");
      request.reply.header("x-ms-item-type", query.select === "*" ? "twin" : "raw");
      const isCount = query.select !== "*" && "count" in query.select;
      return isCount ? countAll(api.hub, query) : runPage(api.hub, request, query);
    },
  });
}
