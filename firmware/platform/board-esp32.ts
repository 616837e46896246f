/** Composition root for boards with lwIP (ESP32 family, Pico W): DNS and time over UDP. */
import UDP from "embedded:io/socket/udp";
import Resolver from "embedded:network/dns/resolver/udp";
import NTP from "embedded:network/ntp/client";
import type { Platform } from "../ports/platform.ts";
import { composePlatform, type PlatformOptions } from "./xs/compose.ts";
import { newHandshakeGate } from "./xs/handshake.ts";
import { NtpTimeSource } from "./xs/ntp-time-source.ts";

export interface BoardOptions extends PlatformOptions {
  /** The SDK's resolver ignores DHCP's servers. */
  dnsServers?: readonly string[];
  ntpServers?: readonly string[];
}

const DNS_SERVERS: readonly string[] = ["1.1.1.1", "8.8.8.8"];
const NTP_SERVERS: readonly string[] = ["pool.ntp.org", "time.windows.com"];

/** To be called once, by the application's main module. */
export function createPlatform(options: BoardOptions = {}): Platform {
  const { dnsServers: servers = DNS_SERVERS, ntpServers = NTP_SERVERS } = options;
  const socket = { io: UDP };
  const dns = { io: Resolver, servers, socket };
  return composePlatform(
    options,
    () => new Resolver({ servers, socket }),
    (log) => new NtpTimeSource(log, () => new NTP({ servers: ntpServers, socket, dns })),
    newHandshakeGate,
  );
}
