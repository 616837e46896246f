// Direct methods: calls in flight with their timeouts (IoT Hub docs "Understand and invoke direct methods").
import { METHOD_PAYLOAD_BYTES_MAX } from "../../../firmware/connection/limits.ts";
import {
  METHOD_CONNECT_TIMEOUT_MAX_S,
  METHOD_TIMEOUT_DEFAULT_S,
  METHOD_TIMEOUT_MAX_S,
  METHOD_TIMEOUT_MIN_S,
} from "../../../firmware/connection/service-limits.ts";
import type { TimerHandle } from "../../../firmware/ports/timers.ts";
import type { HubContext } from "./context.ts";
import { HubError } from "./hub-error.ts";
import { type IdentityName, identityKey } from "./identity.ts";
import { isBlank, parseJson } from "./json.ts";
import type { Registry } from "./registry.ts";
import type { MethodCall, MethodResult, MethodService } from "./service.ts";
import type { Channel, Session, Sessions, SessionWatcher } from "./sessions.ts";

/** Calls in flight to one device; more are refused with 429. */
const CALLS_PER_DEVICE_MAX = 100;
const NAME_CHARACTERS_MAX = 100;

interface Call {
  readonly key: string;
  readonly methodName: string;
  readonly payload: Uint8Array;
  readonly responseTimeoutMs: number;
  readonly resolve: (result: MethodResult) => void;
  readonly reject: (error: HubError) => void;
  timer: TimerHandle;
  /** Set once the call was handed to a connection. */
  session: Session | undefined;
}

export class Methods implements MethodService, SessionWatcher {
  readonly #context: HubContext;
  readonly #registry: Registry;
  readonly #sessions: Sessions;
  readonly #calls = new Map<string, Call>();
  #requestId = 0;

  constructor(context: HubContext, registry: Registry, sessions: Sessions) {
    this.#context = context;
    this.#registry = registry;
    this.#sessions = sessions;
    sessions.watch(this);
  }

  async invoke(name: IdentityName, call: MethodCall): Promise<MethodResult> {
    const key = identityKey(this.#registry.get(name));
    const { responseTimeoutMs, connectTimeoutMs } = checkedTimeouts(call);
    const payload = checkedPayload(call);
    this.#context.throttles.demand("method", Math.max(4096, payload.length));
    this.#context.throttles.charge(payload.length);
    const inFlight = [...this.#calls.values()].filter((other) => other.key === key).length;
    if (inFlight >= CALLS_PER_DEVICE_MAX) {
      throw new HubError(429001, `${CALLS_PER_DEVICE_MAX} calls to "${key}" are waiting already`);
    }
    const session = this.#reachable(key);
    if (session === undefined && connectTimeoutMs === 0) throw this.#offline(key);
    return new Promise((resolve, reject) => {
      this.#requestId += 1;
      const id = String(this.#requestId);
      const timer = this.#context.environment.timers.start(connectTimeoutMs, () =>
        this.#fail(id, this.#offline(key)),
      );
      const started: Call = {
        ...{ key, payload, responseTimeoutMs, resolve, reject, timer },
        methodName: call.methodName,
        session: undefined,
      };
      this.#calls.set(id, started);
      if (session !== undefined) this.#start(id, started, session);
    });
  }

  /** A device answered. Answers nobody waits for are logged and dropped. */
  answer(session: Session, answer: { requestId: string; status: number; body: Uint8Array }): void {
    const call = this.#calls.get(answer.requestId);
    if (call === undefined || call.session !== session) {
      const about = { deviceId: session.identity.deviceId };
      const text = `answer to method request ${answer.requestId.slice(0, 40)} came too late or was never asked for`;
      this.#context.log.write("warn", text, about);
      return;
    }
    const result = readAnswer(call, answer);
    this.#context.throttles.charge(answer.body.length);
    if (result instanceof HubError) this.#fail(answer.requestId, result);
    else {
      this.#forget(answer.requestId, call);
      call.resolve(result);
    }
  }

  opened(session: Session, channel: Channel): void {
    if (channel !== "methods") return;
    for (const [id, call] of [...this.#calls]) {
      if (call.key === session.key && call.session === undefined) this.#start(id, call, session);
    }
  }

  closed(session: Session): void {
    for (const [id, call] of [...this.#calls]) {
      if (call.session !== session) continue;
      const why = `"${call.key}" disconnected before it answered method "${call.methodName}"`;
      this.#fail(id, new HubError(404104, why));
    }
  }

  #start(id: string, call: Call, session: Session): void {
    const { timers } = this.#context.environment;
    timers.stop(call.timer);
    call.session = session;
    call.timer = timers.start(call.responseTimeoutMs, () => {
      const waited = `${call.responseTimeoutMs / 1000} s`;
      const why = `"${call.key}" did not answer method "${call.methodName}" within ${waited}`;
      this.#fail(id, new HubError(504101, why));
    });
    session.link.sendMethod(call.methodName, id, call.payload);
  }

  #reachable(key: string): Session | undefined {
    const session = this.#sessions.findByKey(key);
    return session?.qosOf("methods") === undefined ? undefined : session;
  }

  #offline(key: string): HubError {
    const isConnected = this.#sessions.findByKey(key) !== undefined;
    const why = isConnected ? "is connected but has not subscribed to methods" : "is not connected";
    return new HubError(404103, `"${key}" ${why}`);
  }

  #fail(id: string, error: HubError): void {
    const call = this.#calls.get(id);
    if (call === undefined) return;
    this.#forget(id, call);
    call.reject(error);
  }

  #forget(id: string, call: Call): void {
    this.#context.environment.timers.stop(call.timer);
    this.#calls.delete(id);
  }
}

function checkedTimeouts(call: MethodCall): {
  responseTimeoutMs: number;
  connectTimeoutMs: number;
} {
  const response = call.responseTimeoutInSeconds ?? METHOD_TIMEOUT_DEFAULT_S;
  const connect = call.connectTimeoutInSeconds ?? 0;
  if (!(response >= METHOD_TIMEOUT_MIN_S && response <= METHOD_TIMEOUT_MAX_S)) {
    const range = `${METHOD_TIMEOUT_MIN_S} to ${METHOD_TIMEOUT_MAX_S}`;
    throw new HubError(400004, `responseTimeoutInSeconds is ${response}, allowed are ${range}`);
  }
  if (!(connect >= 0 && connect <= METHOD_CONNECT_TIMEOUT_MAX_S)) {
    const range = `0 to ${METHOD_CONNECT_TIMEOUT_MAX_S}`;
    throw new HubError(400004, `connectTimeoutInSeconds is ${connect}, allowed are ${range}`);
  }
  return { responseTimeoutMs: response * 1000, connectTimeoutMs: connect * 1000 };
}

function checkedPayload(call: MethodCall): Uint8Array {
  const { methodName } = call;
  if (typeof methodName !== "string" || methodName === "") {
    throw new HubError(400004, "methodName is missing");
  }
  if (methodName.length > NAME_CHARACTERS_MAX) {
    throw new HubError(400004, `methodName is longer than ${NAME_CHARACTERS_MAX} characters`);
  }
  const text = call.payload === undefined ? "" : JSON.stringify(call.payload);
  const payload = Buffer.from(text);
  if (payload.length > METHOD_PAYLOAD_BYTES_MAX) {
    throw new HubError(
      413001,
      `a method payload takes at most ${METHOD_PAYLOAD_BYTES_MAX} bytes, this is ${payload.length}`,
    );
  }
  return payload;
}

function readAnswer(
  call: Call,
  answer: { status: number; body: Uint8Array },
): MethodResult | HubError {
  const whose = `the answer of "${call.key}" to method "${call.methodName}"`;
  if (answer.body.length > METHOD_PAYLOAD_BYTES_MAX) {
    return new HubError(413001, `${whose} is larger than ${METHOD_PAYLOAD_BYTES_MAX} bytes`);
  }
  try {
    const payload = isBlank(answer.body) ? null : parseJson(answer.body, whose);
    return { status: answer.status, payload };
  } catch (error) {
    if (error instanceof HubError) return error;
    throw error;
  }
}
