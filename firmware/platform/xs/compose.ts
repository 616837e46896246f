/** What all XS targets have in common; the composition roots add what differs. */

import type Resolver from "embedded:network/dns/resolver/udp";
import "system";
import type { Flash } from "../../ports/flash.ts";
import type { Log } from "../../ports/log.ts";
import type { Platform } from "../../ports/platform.ts";
import type { TimeSource } from "../../ports/time-source.ts";
import { XsClock } from "./clock.ts";
import { xsCrypto } from "./crypto.ts";
import { XsFlash } from "./flash.ts";
import { type NewGate, XsNetwork } from "./network.ts";
import { XsKeyValue } from "./storage.ts";
import { XsTimers } from "./timers.ts";

/** Namespace in the key-value store and name of the data partition. */
const NAME = "godwit";
/** No image is older than this; a build that knows its own time passes that instead. */
const TIME_FLOOR_MS = Date.UTC(2025, 11, 1);

export interface PlatformOptions {
  /** Build time of the image, Unix milliseconds. */
  timeFloorMs?: number;
  /** Largest value of the key-value store, where it is not NVS. */
  valueBytesMax?: number;
}

const log: Log = (level, text) => trace(`${level} ${text}\n`);

export function composePlatform(
  options: PlatformOptions,
  newResolver: () => Resolver,
  newTimeSource?: (log: Log) => TimeSource,
  newGate?: NewGate,
): Platform {
  const timeFloorMs = options.timeFloorMs ?? TIME_FLOOR_MS;
  const timers = new XsTimers(log);
  const flash = openFlash();
  return {
    clock: new XsClock(timeFloorMs),
    timers,
    network: new XsNetwork(timers, log, newResolver, newGate),
    storage: new XsKeyValue(NAME, options.valueBytesMax),
    random: xsCrypto,
    digest: xsCrypto,
    log,
    timeFloorMs,
    ...(flash && { flash }),
    ...(newTimeSource && { timeSource: newTimeSource(log) }),
    restart: () => System.restart(),
  };
}

/** A board without the partition works without store and forward. */
function openFlash(): Flash | undefined {
  try {
    return new XsFlash(NAME);
  } catch {
    log("info", "no flash partition: telemetry waits in RAM only");
    return undefined;
  }
}
