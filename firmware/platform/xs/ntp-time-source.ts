/** Port TimeSource over `embedded:network/ntp/client` (SNTP, RFC 4330): one client per request, gone afterwards. */
import type NTP from "embedded:network/ntp/client";
import type { Log } from "../../ports/log.ts";
import type { TimeSource } from "../../ports/time-source.ts";
import { guard } from "./timers.ts";

export class NtpTimeSource implements TimeSource {
  private readonly log: Log;
  private readonly newClient: () => NTP;
  private client: NTP | undefined;

  constructor(log: Log, newClient: () => NTP) {
    this.log = log;
    this.newClient = newClient;
  }

  request(done: (unixMs: number | undefined) => void): void {
    this.client?.close();
    const client = this.newClient();
    this.client = client;
    client.getTime((error, unixMs) =>
      guard(this.log, () => {
        if (this.client !== client) return;
        this.client = undefined;
        guard(this.log, () => client.close());
        done(error ? undefined : unixMs);
      }),
    );
  }
}
