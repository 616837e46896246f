/** Composition root for the simulator's engine: names are resolved by the embedder, which also sets the clock. */
import Resolver from "embedded:network/dns/resolver/udp";
import type { Platform } from "../ports/platform.ts";
import { composePlatform, type PlatformOptions } from "./xs/compose.ts";

/** To be called once, by the application's main module. */
export function createPlatform(options: PlatformOptions = {}): Platform {
  return composePlatform(options, () => new Resolver());
}
