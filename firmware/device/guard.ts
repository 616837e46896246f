/** Calls into the application: whatever a handler throws, now or later, is named, counted and kept from spreading. */
import type { Log } from "../ports/log.ts";
import { Refusal } from "../twin/refusal.ts";

import type { DeviceCounters } from "./types.ts";

export type Handler = (value: unknown, version?: number) => unknown;
export type Handlers = Readonly<Record<string, Handler | undefined>>;

export class Guard {
  readonly counters: DeviceCounters;
  private readonly log: Log;

  constructor(log: Log, counters: DeviceCounters) {
    this.log = log;
    this.counters = counters;
  }

  /** What handler `name` returns, undefined if there is none; a throw or rejection becomes a Refusal with 500. */
  call(kind: string, handlers: Handlers, name: string, value: unknown, version?: number): unknown {
    if (!Object.hasOwn(handlers, name)) return undefined;
    return this.run(handlers[name]!, `${kind} ${name}`, value, version);
  }

  /** The same for a single function. */
  run(handler: Handler, what: string, value?: unknown, version?: number): unknown {
    try {
      const result = handler(value, version);
      if (!(result instanceof Promise)) return result;
      return result.then(undefined, (error) => this.failed(what, error));
    } catch (error) {
      return this.failed(what, error);
    }
  }

  /** Logs and counts `error`. */
  failed(what: string, error: unknown): Refusal {
    this.counters.handlerErrors++;
    const text = error instanceof Error ? error.message : String(error);
    this.log("error", `${what} failed: ${text}`);
    return new Refusal(500, text);
  }
}
