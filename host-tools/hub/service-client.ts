// A client of the service API: over HTTPS to a running hub, or straight into one in this process.
import { readFileSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import { Agent, request } from "node:https";
import { isIP } from "node:net";
import type { FastifyInstance, HTTPMethods } from "fastify";
import { signSas } from "../../firmware/connection/sas.ts";
import { exitCodes, UserError } from "../user-error.ts";
import { parseServiceConnection, type ServiceConnection } from "./connection-string.ts";
import { nodeDigest } from "./core/sas.ts";
import type { HubContact } from "./data-dir.ts";

const tokenLifeS = 3600;
const requestTimeoutMs = 10_000;
/** Connections a client opens at a time; further calls wait. Streams have their own. */
const socketsMax = 32;

export interface ServiceRequest {
  readonly headers?: Readonly<Record<string, string>>;
  /** An object goes as JSON, bytes go as they are. */
  readonly body?: object | Uint8Array;
  /** Overrides how long an answer may take. */
  readonly timeoutMs?: number;
}

export interface ServiceClient {
  /** One call. @throws UserError with exit code 8 when the hub refuses, 4 when it does not answer. */
  call(method: HTTPMethods, path: string, options?: ServiceRequest): Promise<unknown>;
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

/** A token of a shared access policy, valid for an hour. */
export function serviceToken(connection: ServiceConnection, nowMs: number = Date.now()): string {
  const { hostName, key, policy } = connection;
  const expiryS = Math.floor(nowMs / 1000) + tokenLifeS;
  const keyBytes = new Uint8Array(Buffer.from(key, "base64"));
  return signSas(nodeDigest, keyBytes, hostName, expiryS, policy);
}

/** What helps when the hub refuses, by the service's name for the reason. */
const waysOut: Readonly<Record<string, string>> = {
  ArgumentInvalid: "check the name or value it names, then the same command again",
  DeviceAlreadyExists: "godwit hub device list, or godwit hub device remove <id> to make it anew",
  DeviceDisabled: "enable the device in the registry, then the same command again",
  DeviceMaximumQueueDepthExceeded: "let the device connect and take its messages first",
  DeviceNotFound: "godwit hub device list, or godwit hub device add <id>",
  DeviceNotOnline: "start the device, or wait for it with --connect-timeout 60",
  GatewayTimeout: "see what the device logs, or give it more time with --timeout 120",
  IotHubUnauthorized: "use the owner connection string that godwit hub prints",
  IotHubUnauthorizedAccess: "use the owner connection string that godwit hub prints",
  MessageTooLarge: "send less at a time: a message to a device has at most 64 KB",
  ModuleNotFound: "godwit hub device list",
  PreconditionFailed: "somebody was faster: read it again, then change it",
  ServerError: "read the hub's own log: it names the reason",
  ThrottlingException: "wait a moment, or run the hub without --throttle",
};

/** The refusal's name and text out of the service's error body. */
function refusal(answer: Answer): UserError {
  let text = `the hub answered ${answer.status}`;
  let code = "hub-refused";
  try {
    const { Message } = JSON.parse(answer.text) as { Message?: string };
    const parts = /^ErrorCode:(\w+);(.*)$/s.exec(Message ?? "");
    if (parts) [code, text] = [parts[1]!, parts[2]!];
  } catch {
    // No error body of the hub: the status alone has to do.
  }
  const hint = waysOut[code];
  return new UserError(text, { code, exitCode: exitCodes.hub, ...(hint && { hint }) });
}

function read(answer: Answer): unknown {
  if (answer.status >= 300) throw refusal(answer);
  return answer.text === "" ? undefined : (JSON.parse(answer.text) as unknown);
}

function encoded(options: ServiceRequest): { headers: Record<string, string>; payload?: Buffer } {
  const { body } = options;
  if (body === undefined) return { headers: { ...options.headers } };
  const isBytes = body instanceof Uint8Array;
  const type = isBytes ? "application/octet-stream" : "application/json; charset=utf-8";
  const payload = isBytes ? Buffer.from(body) : Buffer.from(JSON.stringify(body));
  return { headers: { "content-type": type, ...options.headers }, payload };
}

async function textOf(answer: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of answer) parts.push(part as Buffer);
  return Buffer.concat(parts).toString("utf8");
}

/** Reads a CA file. @throws UserError when it is not there. */
export function readCa(caFile: string): string {
  try {
    return readFileSync(caFile, "utf8");
  } catch (cause) {
    throw new UserError(`the hub's CA file cannot be read: ${caFile}`, {
      code: "ca-file",
      hint: "--ca <caFile as printed by godwit hub>",
      cause,
    });
  }
}

export class HttpsClient implements ServiceClient {
  readonly connection: ServiceConnection;
  readonly #ca: string;
  readonly #address: string | undefined;
  /** Handshakes cost more than calls; a fleet makes many. */
  readonly #agent = new Agent({ keepAlive: true, maxSockets: socketsMax });

  /** `address`: where to connect when the hub's name means nothing to this machine's resolver. */
  constructor(connectionString: string, ca: string, address?: string) {
    this.connection = parseServiceConnection(connectionString);
    this.#ca = ca;
    this.#address = address;
  }

  async call(method: HTTPMethods, path: string, options: ServiceRequest = {}): Promise<unknown> {
    const answer = await this.open(method, path, options);
    return read({ status: answer.statusCode ?? 0, text: await textOf(answer) });
  }

  /** One call whose answer is a stream, for example `/events`. */
  async stream(path: string, signal: AbortSignal): Promise<IncomingMessage> {
    const answer = await this.open("GET", path, {}, signal);
    if ((answer.statusCode ?? 0) >= 300)
      throw refusal({ status: answer.statusCode ?? 0, text: await textOf(answer) });
    return answer;
  }

  open(
    method: HTTPMethods,
    path: string,
    options: ServiceRequest,
    signal?: AbortSignal,
  ): Promise<IncomingMessage> {
    const { headers, payload } = encoded(options);
    const url = new URL(path, `https://${this.connection.hostName}`);
    const timeoutMs = options.timeoutMs ?? requestTimeoutMs;
    const target = this.#address === undefined ? {} : { hostname: this.#address };
    return new Promise((resolve, reject) => {
      const sent = request(url, {
        ...target,
        // The certificate is the name's, wherever it is reached.
        ...(isIP(url.hostname) === 0 && { servername: url.hostname }),
        method,
        ca: this.#ca,
        agent: signal ? false : this.#agent,
        headers: { authorization: serviceToken(this.connection), ...headers },
        ...(signal && { signal }),
      });
      sent.once("response", (answer) => {
        sent.setTimeout(0);
        resolve(answer);
      });
      sent.once("error", (cause) => reject(unreachable(this.connection.hostName, cause)));
      sent.setTimeout(timeoutMs, () => sent.destroy(new Error(`no answer in ${timeoutMs} ms`)));
      sent.end(payload);
    });
  }
}

function unreachable(hostName: string, cause: Error): Error {
  if (cause.name === "AbortError") return cause;
  const isUntrusted = /certificate/i.test(cause.message);
  return new UserError(
    isUntrusted
      ? `the hub at ${hostName} is not trusted: ${cause.message}`
      : `the hub at ${hostName} does not answer: ${cause.message}`,
    {
      code: isUntrusted ? "hub-untrusted" : "hub-unreachable",
      exitCode: exitCodes.unreachable,
      hint: isUntrusted ? "--ca <caFile as printed by godwit hub>" : "start it with: godwit hub",
      cause,
    },
  );
}

/** Calls an API in this process without any socket. */
export class InjectClient implements ServiceClient {
  readonly #app: FastifyInstance;
  readonly #connection: ServiceConnection;

  constructor(app: FastifyInstance, connectionString: string) {
    this.#app = app;
    this.#connection = parseServiceConnection(connectionString);
  }

  async call(method: HTTPMethods, path: string, options: ServiceRequest = {}): Promise<unknown> {
    const { headers, payload } = encoded(options);
    const answer = await this.#app.inject({
      method: method as "GET",
      url: path,
      headers: { authorization: serviceToken(this.#connection), ...headers },
      ...(payload && { payload }),
    });
    return read({ status: answer.statusCode, text: answer.payload });
  }
}

/** A client of the running hub that a contact names. */
export function contactClient(contact: HubContact): HttpsClient {
  return new HttpsClient(contact.ownerConnectionString, readCa(contact.caFile), contact.address);
}
