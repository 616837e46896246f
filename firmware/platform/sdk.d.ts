/** Types of the SDK modules that platform code names; the engine has those up to `crypt`, and `system` (../engine/modules). */

/** Text to the board's log. */
declare function trace(...values: unknown[]): void;

declare module "timer" {
  class Timer {
    private constructor();
    private readonly brand: "timer";
    static set(callback: (timer: Timer) => void, interval?: number, repeat?: number): Timer;
    static repeat(callback: (timer: Timer) => void, interval: number): Timer;
    static schedule(timer: Timer, interval?: number, repeat?: number): void;
    static clear(timer: Timer | undefined | null): void;
  }
  export default Timer;
}

declare module "time" {
  const Time: {
    readonly ticks: number;
    readonly microseconds: number;
    set(seconds: number): void;
    delta(start: number, end?: number): number;
  };
  export default Time;
}

declare module "embedded:io/socket/tcp" {
  type Bytes = ArrayBuffer | ArrayBufferView;

  interface Options<S> {
    address?: string;
    port: number;
    onReadable?: (this: S, count: number) => void;
    onWritable?: (this: S, count: number) => void;
    /** The simulator passes an Error with a `code`; the SDK's sockets pass nothing. */
    onError?: (this: S, error?: Error & { code?: string }) => void;
    format?: "buffer";
    target?: unknown;
  }

  class TCP {
    constructor(options: Options<TCP>);
    readonly target: unknown;
    read(): ArrayBuffer | undefined;
    read(count: number): ArrayBuffer | undefined;
    read(buffer: Bytes): number;
    write(bytes: Bytes): number;
    close(): void;
  }
  export default TCP;
}

declare module "embedded:io/socket/tcp/tls" {
  type Bytes = ArrayBuffer | ArrayBufferView;

  interface Options {
    host: string;
    /** Needed on devices; the simulator resolves `host` itself when it is absent. */
    address?: string;
    port: number;
    secure?: {
      certificate?: Bytes | readonly Bytes[];
      clientCertificates?: readonly Bytes[];
      clientKey?: Bytes;
      verify?: boolean;
    };
    onReadable?: (this: TLSSocket, count: number) => void;
    onWritable?: (this: TLSSocket, count: number) => void;
    onError?: (this: TLSSocket, error?: Error & { code?: string }) => void;
    target?: unknown;
  }

  class TLSSocket {
    constructor(options: Options);
    readonly target: unknown;
    read(): ArrayBuffer | undefined;
    read(count: number): ArrayBuffer | undefined;
    read(buffer: Bytes): number;
    write(bytes: Bytes): number;
    close(): void;
  }
  export default TLSSocket;
}

declare module "embedded:network/dns/resolver/udp" {
  class Resolver {
    constructor(options?: object);
    resolve(request: {
      host: string;
      onResolved?: (host: string, address: string) => void;
      onError?: (host: string) => void;
    }): void;
    close(): void;
  }
  export default Resolver;
}

declare module "embedded:storage/key-value" {
  interface Store {
    read(key: string): ArrayBuffer | undefined;
    write(key: string, value: ArrayBuffer | ArrayBufferView): void;
    delete(key: string): void;
    close(): void;
    [Symbol.iterator](): IterableIterator<string>;
  }
  const storage: {
    open(options: { path: string; format?: "buffer"; mode?: "r" | "r+" }): Store;
  };
  export default storage;
}

declare module "embedded:storage/flash" {
  interface Partition {
    status(): { size: number; blocks: number; blockLength: number };
    read(count: number, offset: number): ArrayBuffer;
    read<T extends ArrayBuffer | ArrayBufferView>(buffer: T, offset: number): T;
    write(bytes: ArrayBuffer | ArrayBufferView, offset: number): void;
    eraseBlock(first: number, end?: number): void;
    close(): void;
  }
  const flash: { open(options: { path: string; mode?: "r" | "r+" }): Partition };
  export default flash;
}

declare module "rng" {
  const RNG: { get(count: number): ArrayBuffer };
  export default RNG;
}

declare module "crypt" {
  export class Digest {
    constructor(name: string);
    write(value: ArrayBuffer | ArrayBufferView | string): this;
    close(): ArrayBuffer;
  }
}

/** Cryptography behind the SDK's TLS client; the simulator has none of it. */
declare module "x509" {
  interface PublicKey {
    /** RSA. */
    modulus?: bigint;
    exponent?: bigint;
    /** Elliptic curves. */
    curve?: object;
    pub?: object;
  }
  const X509: { decodeSPKI(certificate: ArrayBufferView): PublicKey };
  export default X509;
}

declare module "pkcs1_5" {
  import type { PublicKey } from "x509";
  export default class PKCS1_5 {
    constructor(key: PublicKey, isPrivate: boolean, oid: number[]);
    verify(digest: ArrayBuffer, signature: ArrayBufferView): boolean;
  }
}

declare module "ecdsa" {
  export default class ECDSA {
    constructor(key: object, curve: object);
    verify(digest: ArrayBuffer, signature: ArrayBufferView, isDer: boolean): boolean;
  }
}

declare module "Resource" {
  export default class Resource {
    /** @throws if the image holds no such file. */
    constructor(name: string);
    readonly byteLength: number;
    slice(begin: number, end?: number): ArrayBuffer;
  }
}

declare module "system" {}

/** Set by the module "system", which exports nothing. */
declare const System: { restart(): never };

declare module "embedded:io/socket/udp" {
  class UDP {
    constructor(options: object);
    close(): void;
  }
  export default UDP;
}

declare module "embedded:network/ntp/client" {
  class NTP {
    constructor(options: {
      servers: readonly string[];
      socket: { io: unknown };
      dns: { io: unknown; servers: readonly string[]; socket: { io: unknown } };
    });
    getTime(callback: (error: unknown, unixMs?: number) => void): void;
    close(): void;
  }
  export default NTP;
}
