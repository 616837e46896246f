// Module "embedded:io/socket/tcp/tls": the embedder terminates TLS and always verifies the server's certificate.
import { limits } from "./ops.ts";
import { bytesOf, packet } from "./packet.ts";
import { Socket, type SocketOptions } from "./socket.ts";

type Bytes = ArrayBuffer | ArrayBufferView;

interface Secure {
  /** Trusted root(s), DER. None: the embedder's own store. */
  certificate?: Bytes | readonly Bytes[];
  /** Client chain, DER, leaf first. */
  clientCertificates?: readonly Bytes[];
  /** Private key of the leaf, PKCS#8 DER. */
  clientKey?: Bytes;
  /** Only `true` is accepted: verification cannot be switched off. */
  verify?: boolean;
}

interface TlsOptions extends SocketOptions {
  host: string;
  secure?: Secure;
}

/** Lists of blobs: [u8 count] then per blob [u32 length] bytes. */
function blobs(list: readonly Bytes[]): Uint8Array {
  const parts: (number | Uint8Array)[] = [new Uint8Array([list.length])];
  for (const item of list) {
    const bytes = bytesOf(item);
    parts.push(bytes.length, bytes);
  }
  return new Uint8Array(packet(...parts));
}

function list(value: Bytes | readonly Bytes[] | undefined): readonly Bytes[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? value : [value as Bytes];
}

/** [roots][client chain][0 or 1 key], each a list of blobs. */
function secureBlock(secure: Secure): Uint8Array {
  if (secure.verify === false) throw new Error("verification cannot be switched off");
  const block = packet(
    blobs(list(secure.certificate)),
    blobs(secure.clientCertificates ?? []),
    blobs(list(secure.clientKey)),
  );
  if (block.byteLength > limits.tlsBytesMax) throw new RangeError("too much TLS material");
  return new Uint8Array(block);
}

export default class TLSSocket extends Socket {
  constructor(options: TlsOptions) {
    if (!options.host) throw new Error("host required");
    super(options, secureBlock(options.secure ?? {}));
  }
}
