/** A gate in the reads of a TCP socket: it sees the server's bytes before TLS does, and throws on those TLS must not see. */
import type { TcpUnderTls } from "./guarded-tcp.ts";

export interface Gate {
  readonly isOpen: boolean;
  feed(bytes: Uint8Array): void;
}

/** Puts the gate into the socket's `read`; the class's own comes back once the gate is open. */
export function gateReads(socket: TcpUnderTls, gate: Gate): void {
  const tcp = socket as { read?: unknown };
  const read = tcp.read as (target: unknown) => ArrayBuffer | number | undefined;
  // Defined, not assigned: the class is frozen on a board, and what it has frozen cannot be assigned over.
  Object.defineProperty(tcp, "read", {
    configurable: true,
    value: (target: unknown) => {
      const got = read.call(tcp, target);
      if (got !== undefined) gate.feed(bytesOf(got, target));
      if (gate.isOpen) delete tcp.read;
      return got;
    },
  });
}

/** A read into a buffer gives its count, any other the bytes. */
function bytesOf(got: ArrayBuffer | number, target: unknown): Uint8Array {
  if (typeof got !== "number") return new Uint8Array(got);
  if (!ArrayBuffer.isView(target)) return new Uint8Array(target as ArrayBuffer, 0, got);
  return new Uint8Array(target.buffer, target.byteOffset, got);
}
