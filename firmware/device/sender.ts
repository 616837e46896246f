/** Telemetry on its way out: checked, encoded, stamped with its time and queued. */
import type { Connection } from "../connection/connection.ts";
import type { OutboundMessage, Settled } from "../connection/types.ts";
import type { TelemetrySpec } from "../model/types.ts";
import type { Platform } from "../ports/platform.ts";
import type { TelemetryEncoder } from "../telemetry/encoder.ts";
import type { OpenTelemetry, TelemetryPath } from "../telemetry/path.ts";
import { takeSample } from "../telemetry/sample.ts";
import { Refusal } from "../twin/refusal.ts";
import type { Guard } from "./guard.ts";

export class Sender {
  readonly encoder: TelemetryEncoder;
  private path: TelemetryPath | undefined;
  private isOnline = false;
  private isDue = false;
  private readonly specs: Readonly<Record<string, TelemetrySpec>>;
  private readonly platform: Platform;
  private readonly connection: Connection;
  private readonly guard: Guard;
  private readonly onProblem = (name: string, problem: string) => this.leaveOut(name, problem);

  constructor(
    specs: Readonly<Record<string, TelemetrySpec>>,
    platform: Platform,
    connection: Connection,
    encoder: TelemetryEncoder,
    guard: Guard,
  ) {
    this.specs = specs;
    this.platform = platform;
    this.connection = connection;
    this.encoder = encoder;
    this.guard = guard;
  }

  /** From now on samples go into batches that survive outages. */
  use(open: OpenTelemetry): void {
    const { platform, connection, guard, specs } = this;
    this.path = open({
      ...{ platform, specs },
      send: (message) => connection.send(message),
      messageBytesMax: connection.outbox.messageBytesMax,
      epochMs: () => {
        const wallMs = this.wallMs();
        return wallMs === undefined ? undefined : wallMs - platform.clock.ticksMs();
      },
      failed: (where, error) => guard.failed(where, error),
    });
  }

  nextDeadlineMs(): number {
    if (!this.path) return this.encoder.nextDeadlineMs();
    return this.isDue ? 0 : this.path.nextDeadlineMs();
  }

  /**
   * The connection came up, went down, or has room: looked at from the timer, because transport and TLS are on the
   * stack here, and flash may have to be written.
   */
  notice(isOnline: boolean): void {
    this.isOnline = isOnline;
    this.isDue = this.path !== undefined;
  }

  /** False: nothing valid in `values`, or the outbox refused the message they completed. */
  send(values: Readonly<Record<string, unknown>>, onSettled?: (outcome: Settled) => void): boolean {
    const sample = takeSample(this.specs, values, this.onProblem);
    if (!sample) return false;
    try {
      const nowMs = this.platform.clock.ticksMs();
      if (this.path) {
        this.path.add(sample, nowMs, onSettled);
        return true;
      }
      const wallMs = this.wallMs();
      const payload = this.encoder.add(sample, nowMs, wallMs);
      return payload === undefined || this.queue(payload, wallMs, onSettled);
    } catch (error) {
      this.guard.failed("telemetry", error);
      return false;
    }
  }

  /** A writable property that concerns telemetry: undefined, or why it cannot be. */
  adjust(name: string, value: unknown): Refusal | undefined {
    try {
      this.path?.adjust(name, value);
      return undefined;
    } catch (error) {
      return new Refusal(400, (error as Error).message);
    }
  }

  /** Before a planned restart. */
  persist(): void {
    try {
      this.path?.persist();
    } catch (error) {
      this.guard.failed("telemetry", error);
    }
  }

  /** Sends what the encoder has gathered, when it is due. */
  tick(nowMs: number): void {
    if (nowMs < this.nextDeadlineMs()) return;
    try {
      if (this.path) {
        if (this.isDue) this.path.setOnline(this.isOnline, nowMs);
        this.isDue = false;
        this.path.tick(nowMs);
        return;
      }
      const payload = this.encoder.flush();
      if (payload) this.queue(payload, this.wallMs());
    } catch (error) {
      this.guard.failed("telemetry", error);
    }
  }

  private wallMs(): number | undefined {
    return this.connection.isTimeKnown ? this.platform.clock.wallMs() : undefined;
  }

  private queue(
    payload: Uint8Array,
    wallMs: number | undefined,
    onSettled?: (outcome: Settled) => void,
  ): boolean {
    const { bag, isTimed } = this.encoder;
    // A message may wait for hours: the hub's own time stamp would tell when it arrived.
    const message: OutboundMessage = {
      payload,
      bag,
      ...(wallMs !== undefined && !isTimed && { createdMs: wallMs }),
      ...(onSettled && { onSettled }),
    };
    if (this.connection.send(message)) return true;
    this.guard.counters.refusedMessages++;
    return false;
  }

  private leaveOut(name: string, problem: string): void {
    // The first one and every hundredth: a broken sensor must not flood the log.
    if (this.guard.counters.invalidValues++ % 100 === 0)
      this.platform.log("warn", `send: ${name} ${problem}`);
  }
}
