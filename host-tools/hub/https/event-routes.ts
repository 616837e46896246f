// The event stream as NDJSON: what is still in the hub's ring, then what comes, at the reader's pace.
import { once } from "node:events";
import type { ServerResponse } from "node:http";
import type { HubEvent } from "../core/event.ts";
import type { EventService } from "../core/service.ts";
import type { Api, ApiRequest } from "./api.ts";
import { eventJson } from "./event-wire.ts";
import { invalid } from "./input.ts";

const readBatch = 100;

interface Subscription {
  /** Events above this number are sent. */
  after: number;
  readonly follow: boolean;
  readonly deviceId: string | undefined;
}

function subscription(request: ApiRequest, events: EventService): Subscription {
  const { after, follow, deviceId } = request.query;
  const isFollowing = follow === "true";
  // Who follows without a place wants what comes; who only reads wants what is there.
  const start = after === undefined ? (isFollowing ? events.lastSequence : 0) : Number(after);
  if (!Number.isSafeInteger(start) || start < 0) throw invalid("after must be a sequence number");
  return { after: start, follow: isFollowing, deviceId };
}

/** Lines of a batch; a hole in the numbers is told, so that nothing is missed silently. */
function lines(batch: readonly HubEvent[], wanted: Subscription): string {
  let text = "";
  for (const event of batch) {
    const lost = event.sequenceNumber - wanted.after - 1;
    if (lost > 0) text += `${JSON.stringify({ lost })}\n`;
    wanted.after = event.sequenceNumber;
    if (wanted.deviceId !== undefined && event.origin.deviceId !== wanted.deviceId) continue;
    text += `${JSON.stringify(eventJson(event))}\n`;
  }
  return text;
}

/** Sends until the reader leaves. Nothing is queued for slow readers: they read from the ring. */
async function pump(events: EventService, wanted: Subscription, out: ServerResponse) {
  let wake = (): void => {};
  const unsubscribe = events.subscribe(() => wake());
  const closed = new Promise<void>((resolve) => out.once("close", resolve));
  try {
    while (!out.destroyed) {
      // Before reading: an event that comes in between must not be slept over.
      const news = new Promise<void>((resolve) => {
        wake = resolve;
      });
      const batch = events.read(wanted.after, readBatch);
      const text = lines(batch, wanted);
      if (text !== "" && !out.write(text)) await Promise.race([once(out, "drain"), closed]);
      else if (batch.length === 0 && !wanted.follow) break;
      else if (batch.length === 0) await Promise.race([news, closed]);
    }
  } finally {
    unsubscribe();
    out.end();
  }
}

/** Adds `GET /events?after=&follow=true&deviceId=`. */
export function addEventRoutes(api: Api): void {
  const { events, log } = api.hub;
  api.add({
    method: "GET",
    url: "/events",
    right: "ServiceConnect",
    handle: (request) => {
      const wanted = subscription(request, events);
      request.reply.hijack();
      const out = request.reply.raw;
      out.writeHead(200, { "content-type": "application/x-ndjson", "cache-control": "no-store" });
      out.flushHeaders();
      pump(events, wanted, out).catch((error: unknown) => {
        log.write("warn", `a reader of /events was lost: ${String(error)}`);
      });
    },
  });
}
