// What the parts of the core share.
import type { HubEnvironment } from "./environment.ts";
import type { EventStream } from "./event-stream.ts";
import { HubError } from "./hub-error.ts";
import type { Journal } from "./journal.ts";
import type { HubLog } from "./log.ts";
import type { Throttles } from "./throttles.ts";

export interface HubContext {
  readonly environment: HubEnvironment;
  /** The hub's wall clock: the environment's, moved by the skew fault. */
  nowMs(): number;
  /** Lower-case names of this hub without ports; the first is its own. */
  readonly names: readonly string[];
  readonly journal: Journal;
  readonly events: EventStream;
  readonly log: HubLog;
  readonly throttles: Throttles;
}

/** For timers and ends of connections, where nobody can be told: a failing store goes to the log. */
export function guarded(context: HubContext, work: () => void): void {
  try {
    work();
    context.events.commit();
  } catch (error) {
    if (!(error instanceof HubError)) throw error;
    context.log.write("error", error.message, { code: error.code });
  }
}

/** Refuses if `etag` is given, not `*`, and differs from `current`. Quotes around it are ignored. */
export function checkEtag(etag: string | undefined, current: string, what: string): void {
  if (etag === undefined || etag === "*") return;
  if (etag.replace(/^"|"$/g, "") !== current) {
    throw new HubError(
      412001,
      `${what} was changed by somebody else: its etag is "${current}" now`,
    );
  }
}

/** True if `host`, with or without a port, is one of the hub's names. */
export function isOwnHost(names: readonly string[], host: string): boolean {
  return names.includes(withoutPort(host).toLowerCase());
}

export function withoutPort(host: string): string {
  return host.replace(/:\d{1,5}$/, "");
}
