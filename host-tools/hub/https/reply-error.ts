// Refusals in the form that Microsoft's service SDK takes apart: "ErrorCode:Name;text" in Message.
import { randomUUID } from "node:crypto";
import type { FastifyError, FastifyInstance, FastifyReply } from "fastify";
import { HubError, type HubErrorCode } from "../core/hub-error.ts";
import type { HubLog } from "../core/log.ts";

export interface ErrorBody {
  readonly Message: string;
  readonly ExceptionMessage: string;
}

/** Text and name of a refusal as a body; the SDK splits at semicolons, so the text has none. */
export function errorBody(codeName: string, text: string): ErrorBody {
  return {
    Message: `ErrorCode:${codeName};${text.replaceAll(";", ",")}`,
    ExceptionMessage: `Tracking ID:${randomUUID()}-TimeStamp:${new Date().toISOString()}`,
  };
}

const ownCodes: readonly (readonly [status: number, code: HubErrorCode])[] = [
  [413, 413001],
  [429, 429001],
];

/** Everything a request can end with, as a refusal of the hub's own kind. */
function asHubError(error: unknown): HubError | undefined {
  if (error instanceof HubError) return error;
  const status = (error as Partial<FastifyError>).statusCode;
  if (status === undefined || status >= 500) return undefined;
  const code = ownCodes.find(([known]) => known === status)?.[1] ?? 400004;
  return new HubError(code, error instanceof Error ? error.message : String(error));
}

function sendError(reply: FastifyReply, error: HubError): FastifyReply {
  reply.code(error.status).header("iothub-errorcode", error.codeName);
  if (error.retryAfterS !== undefined) reply.header("retry-after", String(error.retryAfterS));
  return reply.send(errorBody(error.codeName, error.message));
}

/** Makes every error of an application end as the service's error body, and logs what is our fault. */
export function answerErrors(app: FastifyInstance, log: HubLog): void {
  app.setErrorHandler((error, request, reply) => {
    const known = asHubError(error);
    if (known) return sendError(reply, known);
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    log.write("error", `${request.method} ${request.routeOptions.url ?? "?"} failed: ${text}`);
    return sendError(reply, new HubError(500001, "the hub failed, its log has the reason"));
  });
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split("?", 1)[0];
    return reply
      .code(404)
      .send(errorBody("InvalidOperation", `the local hub has no ${request.method} ${path}`));
  });
}
