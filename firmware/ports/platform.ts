import type { Clock } from "./clock.ts";
import type { Digest } from "./digest.ts";
import type { Flash } from "./flash.ts";
import type { Log } from "./log.ts";
import type { Random } from "./random.ts";
import type { Network } from "./socket.ts";
import type { KeyValue } from "./storage.ts";
import type { TimeSource } from "./time-source.ts";
import type { Timers } from "./timers.ts";

/** Everything a device needs from the world. One composition root per target makes one of these. */
export interface Platform {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly network: Network;
  readonly storage: KeyValue;
  readonly random: Random;
  readonly digest: Digest;
  readonly log: Log;
  /** Raw flash for store and forward; absent on platforms without a free region. */
  readonly flash?: Flash;
  /** Asked before TLS when the wall clock is unknown; absent where somebody else sets the clock. */
  readonly timeSource?: TimeSource;
  /** Unix time in milliseconds below which no clock is believed (build time of the image). */
  readonly timeFloorMs: number;
  /** Restarts the device. */
  restart(): void;
}
