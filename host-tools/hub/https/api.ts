// The service API over HTTPS (api-version 2021-04-12): one fastify application, rights by route.
import fastify, {
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  type HTTPMethods,
} from "fastify";
import type { PolicyRight } from "../core/service.ts";
import { addDeviceRoutes } from "./device-routes.ts";
import { addEnrollmentRoutes } from "./enrollment-routes.ts";
import { addEventRoutes } from "./event-routes.ts";
import { addFaultRoutes } from "./fault-routes.ts";
import { header, invalid } from "./input.ts";
import { addMessageRoutes } from "./message-routes.ts";
import { addQueryRoutes } from "./query-routes.ts";
import { answerErrors } from "./reply-error.ts";
import type { HubServices } from "./services.ts";
import { addTwinRoutes } from "./twin-routes.ts";

/** The largest body that any call needs: 100 identities of the bulk call. */
const bodyBytesMax = 512 * 1024;
const requestTimeoutMs = 30_000;
/** Services and WebSocket devices together; overflow: the connection is closed at once. */
const connectionsMax = 10_000;
/** Ids have up to 128 characters, percent-encoded up to three times that. */
const paramLengthMax = 400;

export interface ApiRequest {
  readonly params: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string | undefined>>;
  readonly body: unknown;
  readonly etag: string | undefined;
  readonly raw: FastifyRequest;
  readonly reply: FastifyReply;
}

export interface Route {
  readonly method: HTTPMethods;
  readonly url: string;
  readonly right: PolicyRight;
  /** What it returns becomes the JSON answer; undefined is 204. */
  handle(request: ApiRequest): unknown;
}

export interface Api {
  readonly hub: HubServices;
  readonly hostName: string;
  readonly mqttsPort: number | undefined;
  add(route: Route): void;
}

const utf8 = new TextDecoder("utf-8", { fatal: true });

function decodeJson(app: FastifyInstance) {
  // Refuses `__proto__` and `constructor.prototype` keys instead of dropping them.
  const parse = app.getDefaultJsonParser("error", "error");
  return (
    request: FastifyRequest,
    body: Buffer,
    done: (error: Error | null, body?: unknown) => void,
  ): void => {
    if (body.length === 0) {
      done(null, undefined);
      return;
    }
    let text: string;
    try {
      text = utf8.decode(body);
    } catch {
      done(invalid("the body is not valid UTF-8"));
      return;
    }
    // It answers through `done`; the type allows a promise that it never returns.
    void parse(request, text, done);
  };
}

function addRoute(app: FastifyInstance, hub: HubServices, route: Route): void {
  app.route({
    method: route.method,
    url: route.url,
    // Before the body is read: strangers cost nothing but headers.
    onRequest: async (request) => {
      hub.policies.authorize(request.headers.authorization, route.right);
    },
    handler: async (raw, reply) => {
      const answer = await route.handle({
        params: raw.params as Record<string, string>,
        query: raw.query as Record<string, string>,
        body: raw.body,
        etag: header(raw.headers["if-match"])
          ?.replace(/^W\//, "")
          .replace(/^"(.*)"$/, "$1"),
        raw,
        reply,
      });
      hub.commit();
      if (reply.sent) return reply;
      if (answer === undefined) return reply.code(204).send();
      return reply.type("application/json; charset=utf-8").send(answer);
    },
  });
}

export interface ApiOptions {
  readonly hub: HubServices;
  /** Name that answers and connection strings carry. */
  readonly hostName: string;
  /** Where the same hub listens for devices, if it does. */
  readonly mqttsPort?: number;
  readonly tls: { readonly key: string; readonly cert: string };
}

/** Makes the API's server; the caller listens and closes. */
export function createApi(options: ApiOptions): FastifyInstance {
  const { hub, hostName, mqttsPort, tls } = options;
  const app = fastify({
    // Certificates are asked for because devices connect to this port by WebSocket.
    https: { ...tls, minVersion: "TLSv1.2", requestCert: true, rejectUnauthorized: false },
    bodyLimit: bodyBytesMax,
    requestTimeout: requestTimeoutMs,
    // Streams of `/events` would hold a closing hub up for ever.
    forceCloseConnections: true,
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: paramLengthMax },
  }) as unknown as FastifyInstance;
  app.server.maxConnections = connectionsMax;
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("application/json", { parseAs: "buffer" }, decodeJson(app));
  app.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) => done(null, body));
  answerErrors(app, hub.log);
  const api: Api = { hub, hostName, mqttsPort, add: (route) => addRoute(app, hub, route) };
  addDeviceRoutes(api);
  addTwinRoutes(api);
  addQueryRoutes(api);
  addMessageRoutes(api);
  addEventRoutes(api);
  addFaultRoutes(api);
  addEnrollmentRoutes(api);
  return app;
}
