/** Direct methods (IoT Hub "direct methods"): typed requests in, one answer each, in bounded time. */
import { METHOD_PAYLOAD_BYTES_MAX } from "../connection/limits.ts";
import type { CommandSpec } from "../model/types.ts";
import { validate } from "../model/validate.ts";
import type { LogLevel } from "../ports/log.ts";
import { countMax, parseJson } from "./json.ts";
import { Refusal } from "./refusal.ts";

/** Commands that may run at the same time; further ones are answered with 429. */
const runningMax = 4;

const ok = 200;
const badRequest = 400;
const notFound = 404;
const busy = 429;
const failed = 500;
const timedOut = 504;

/** What methods need from outside. No call may throw. */
export interface MethodsHost {
  /** Runs the application's handler. A thrown error comes back as a Refusal; a promise must not reject. */
  invoke(name: string, request: unknown): unknown;
  /** Publishes the answer with QoS 0; false if it could not be sent. */
  respond(status: number, rid: string, body: string): boolean;
  log(level: LogLevel, text: string): void;
}

export interface MethodCounters {
  requests: number;
  timeouts: number;
  /** Answers that could not be sent: the caller sees a timeout. */
  lost: number;
}

interface Running {
  readonly name: string;
  readonly rid: string;
  readonly deadlineMs: number;
}

export class Methods {
  readonly counters: MethodCounters = { requests: 0, timeouts: 0, lost: 0 };
  private commands: Readonly<Record<string, CommandSpec>>;
  private host: MethodsHost;
  private timeoutMs: number;
  private running: Running[] = [];

  /** `timeoutMs`: an answer later than this is replaced by status 504. */
  constructor(
    commands: Readonly<Record<string, CommandSpec>>,
    host: MethodsHost,
    timeoutMs: number,
  ) {
    this.commands = commands;
    this.host = host;
    this.timeoutMs = timeoutMs;
  }

  /** Takes one request and answers it, now or when its handler's promise settles. */
  request(name: string, rid: string, body: Uint8Array, nowMs: number): void {
    this.counters.requests++;
    const spec = Object.hasOwn(this.commands, name) ? this.commands[name]! : undefined;
    if (!spec) {
      this.refuse(rid, notFound, `no command ${name.slice(0, 64)}`);
      return;
    }
    let request: unknown;
    let problem: string | undefined;
    try {
      // A command without a request takes none: what a caller sends all the same is left unread.
      if (spec.request) {
        if (body.length > 0) request = parseJson(body, countMax(spec.request));
        problem = validate(spec.request, request);
      }
    } catch (error) {
      problem = (error as Error).message;
    }
    if (problem !== undefined) this.refuse(rid, badRequest, `request ${problem}`);
    else if (this.running.length >= runningMax) this.refuse(rid, busy, "too many commands");
    else this.run(name, rid, request, nowMs);
  }

  private run(name: string, rid: string, request: unknown, nowMs: number): void {
    const result = this.host.invoke(name, request);
    if (!(result instanceof Promise)) {
      this.answer(name, rid, result);
      return;
    }
    const running = { name, rid, deadlineMs: nowMs + this.timeoutMs };
    this.running.push(running);
    void result.then((late) => {
      if (this.remove(running)) this.answer(name, rid, late);
    });
  }

  /** Answers from now on would reach nobody: the hub has given up the requests of the lost session. */
  disconnected(): void {
    this.running.length = 0;
  }

  tick(nowMs: number): void {
    // In the order of their arrival, which is that of their deadlines.
    while (this.running.length > 0 && this.running[0]!.deadlineMs <= nowMs) {
      const { name, rid } = this.running.shift()!;
      this.counters.timeouts++;
      this.refuse(rid, timedOut, `command ${name} timed out`);
    }
  }

  nextDeadlineMs(): number {
    return this.running[0]?.deadlineMs ?? Infinity;
  }

  private remove(running: Running): boolean {
    const at = this.running.indexOf(running);
    if (at >= 0) this.running.splice(at, 1);
    return at >= 0;
  }

  private answer(name: string, rid: string, result: unknown): void {
    const { response } = this.commands[name]!;
    const problem = response && !(result instanceof Refusal) && validate(response, result);
    const body = response && !problem ? JSON.stringify(result) : "";
    if (result instanceof Refusal) this.refuse(rid, result.status, result.description);
    else if (problem) this.refuse(rid, failed, `command ${name}: its response ${problem}`);
    // Every UTF-16 unit takes three bytes of UTF-8 at most.
    else if (body.length * 3 <= METHOD_PAYLOAD_BYTES_MAX) this.send(ok, rid, body);
    else this.refuse(rid, failed, `command ${name}: its response is too long`);
  }

  private refuse(rid: string, status: number, description: string): void {
    this.host.log("warn", `method answered with ${status}: ${description}`);
    this.send(status, rid, JSON.stringify({ message: description }));
  }

  private send(status: number, rid: string, body: string): void {
    if (!this.host.respond(status, rid, body)) this.counters.lost++;
  }
}
