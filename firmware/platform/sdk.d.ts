/** SDK modules that only boards have; what the engine has too is declared beside its modules (../engine/sdk.d.ts). */

declare module "embedded:io/socket/udp" {
  export default class UDP {
    constructor(options: object);
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
