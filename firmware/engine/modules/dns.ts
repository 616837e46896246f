// Module "embedded:network/dns/resolver/udp": names to IPv4 addresses, answered by the embedder.
import { call, onEvent } from "./events.ts";
import { events, limits, ops } from "./ops.ts";
import { packet, textBytes, textFrom, u32 } from "./packet.ts";

interface Request {
  host: string;
  onResolved?: (this: Resolver, host: string, address: string) => void;
  onError?: (this: Resolver, host: string) => void;
}

interface Pending {
  request: Request;
  resolver: Resolver;
}

const pending = new Map<number, Pending>();
let nextId = 1;

function take(bytes: ArrayBuffer): Pending | undefined {
  const id = u32(bytes);
  const found = pending.get(id);
  pending.delete(id);
  return found;
}

onEvent(events.dnsResolved, (bytes) => {
  const found = take(bytes);
  const address = textFrom(bytes, 4);
  found?.request.onResolved?.call(found.resolver, found.request.host, address);
});
onEvent(events.dnsError, (bytes) => {
  const found = take(bytes);
  found?.request.onError?.call(found.resolver, found.request.host);
});

export default class Resolver {
  resolve(request: Request): void {
    const host = textBytes(request.host, limits.hostBytesMax);
    const id = nextId++;
    pending.set(id, { request, resolver: this });
    call(ops.dnsResolve, packet(id, [host]));
  }

  /** Forgets this resolver's requests; their callbacks do not come. */
  close(): void {
    for (const [id, entry] of pending) if (entry.resolver === this) pending.delete(id);
  }
}
