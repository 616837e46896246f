/** The few modules of the Moddable SDK that platform code names, as far as it uses them (SDK 8.2; engine/modules). */

declare module "timer" {
  interface Timer {
    readonly _timer?: never;
  }
  const Timer: {
    set(callback: () => void, intervalMs: number): Timer;
    clear(timer: Timer | undefined): void;
  };
  export default Timer;
}

declare module "time" {
  const Time: {
    /** 32-bit milliseconds; wraps. */
    readonly ticks: number;
    /** Unix seconds. */
    set(seconds: number): void;
  };
  export default Time;
}

declare module "crypt" {
  export class Digest {
    constructor(name: "SHA256");
    write(bytes: ArrayBuffer | Uint8Array): void;
    close(): ArrayBuffer;
  }
}

declare module "rng" {
  const rng: { get(count: number): ArrayBuffer };
  export default rng;
}

declare module "system" {
  const System: { restart(): void };
  export default System;
}

declare module "embedded:storage/key-value" {
  export interface KeyValueStore {
    read(key: string): ArrayBuffer | undefined;
    write(key: string, value: ArrayBuffer | Uint8Array): void;
    delete(key: string): void;
  }
  const keyValue: {
    open(options: { path: string; format: "buffer"; mode?: "r" | "r+" }): KeyValueStore;
  };
  export default keyValue;
}

declare module "embedded:storage/flash" {
  export interface FlashPartition {
    read(count: number, offset: number): ArrayBuffer;
    write(bytes: ArrayBuffer | Uint8Array, offset: number): void;
    eraseBlock(first: number, end: number): void;
    status(): { size: number; blockLength: number };
  }
  const flash: { open(options: { path: string; mode?: "r" | "r+" }): FlashPartition };
  export default flash;
}

declare module "embedded:io/socket/tcp" {
  export interface TcpOptions {
    address: string;
    port: number;
    onReadable(count: number): void;
    onWritable(count: number): void;
    onError(): void;
  }
  /** `readable` is kept by the SDK's TLS socket on the TCP socket under it. */
  export default class TCP {
    constructor(options: TcpOptions);
    readable?: number;
    close(): void;
  }
}

declare module "embedded:io/socket/udp" {
  export default class UDP {
    constructor(options: object);
    close(): void;
  }
}

declare module "embedded:io/socket/tcp/tls" {
  export interface TlsSocketOptions {
    host: string;
    address: string;
    port: number;
    secure: object;
    TCP: { io: unknown };
    onReadable(count: number): void;
    onWritable(count: number): void;
    onError(error?: unknown): void;
  }
  export default class TLSSocket {
    constructor(options: TlsSocketOptions);
    read(count: number): ArrayBuffer;
    write(bytes: ArrayBuffer | Uint8Array): number;
    close(): void;
  }
}

declare module "embedded:network/dns/resolver/udp" {
  export interface ResolverOptions {
    servers: readonly string[];
    socket: { io: unknown };
  }
  export default class Resolver {
    constructor(options?: ResolverOptions);
    resolve(request: {
      host: string;
      onResolved(host: string, address: string): void;
      onError(host: string): void;
    }): void;
    close(): void;
  }
}

declare module "embedded:network/ntp/client" {
  export default class NTP {
    constructor(options: {
      servers: readonly string[];
      socket: { io: unknown };
      dns: { io: unknown; servers: readonly string[]; socket: { io: unknown } };
    });
    getTime(callback: (error: unknown, unixMs?: number) => void): void;
    close(): void;
  }
}

/** Writes to the log of the board (serial, xsbug) or of the simulator. */
declare function trace(...values: string[]): void;
