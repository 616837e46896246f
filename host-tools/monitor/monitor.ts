// Watching a board: lines with times, recognised events, ends on a text, a failure or a timeout.
import { type HostClock, sleep } from "../serial/clock.ts";
import { DeviceError, isDeviceError } from "../serial/error.ts";
import type { PortSource, SerialPort } from "../serial/port.ts";
import { shorten } from "../shorten.ts";
import type { AddressDecoder, DecodedAddress } from "./addr2line.ts";
import { LineSplitter } from "./line-splitter.ts";
import { type Finding, recognise, withoutColors } from "./recognise.ts";
import type { SourcePositions } from "./source-positions.ts";
import { type XsbugEvent, XsbugParser, xsbugCommand } from "./xsbug.ts";

export type MonitorEvent = { readonly hostMs: number } & (
  | { readonly kind: "line"; readonly text: string; readonly deviceMs: number | undefined }
  | { readonly kind: "finding"; readonly finding: Finding }
  | { readonly kind: "decoded"; readonly frames: readonly DecodedAddress[] }
  | { readonly kind: "xsbug"; readonly event: Exclude<XsbugEvent, { kind: "text" }> }
  | { readonly kind: "connected" | "disconnected"; readonly reason: string }
);

export interface MonitorOptions {
  readonly source: PortSource;
  readonly clock: HostClock;
  readonly baud: number;
  readonly onEvent: (event: MonitorEvent) => void;
  /** Raw bytes as they came, for a file. */
  readonly onBytes?: (bytes: Uint8Array) => void;
  /** Ends well at the first line that matches. */
  readonly until?: RegExp;
  /** Ends with `fail-text` at the first line that matches, or at a panic when `failOnPanic`. */
  readonly failOn?: RegExp;
  readonly failOnPanic?: boolean;
  readonly timeoutMs?: number;
  /** Resets the board once connected. Default false: attaching disturbs nobody. */
  readonly reset?: (port: SerialPort) => Promise<void>;
  readonly decode?: AddressDecoder;
  readonly positions?: SourcePositions;
  readonly signal?: AbortSignal;
}

export interface MonitorEnd {
  readonly why: "until" | "interrupted";
  readonly line: string | undefined;
}

const reopenPollMs = 250;
const firstOpenMs = 3000;
/** `I (1234) tag: text`, as ESP-IDF stamps its lines. */
const deviceStamp = /^[EWIDV] \((\d{1,10})\) /;

/** Runs until something ends it. @throws DeviceError `timeout`, `fail-text`, or why the first open failed */
export async function runMonitor(options: MonitorOptions): Promise<MonitorEnd> {
  return new Monitor(options).run();
}

class Monitor {
  readonly #options: MonitorOptions;
  readonly #startMs: number;
  #port: SerialPort | undefined;
  #settle: (end: MonitorEnd) => void = () => {};
  #fail: (error: unknown) => void = () => {};
  #isDone = false;
  #lines = new LineSplitter((line) => this.#line(line));
  #xsbug = new XsbugParser((event) => this.#xsbugEvent(event));

  constructor(options: MonitorOptions) {
    this.#options = options;
    this.#startMs = options.clock.nowMs();
  }

  async run(): Promise<MonitorEnd> {
    const { clock, timeoutMs, signal } = this.#options;
    const ended = new Promise<MonitorEnd>((resolve, reject) => {
      this.#settle = resolve;
      this.#fail = reject;
    });
    // A line may fail the run before anybody waits for it.
    ended.catch(() => {});
    const interrupt = () => this.#end({ why: "interrupted", line: undefined });
    signal?.addEventListener("abort", interrupt, { once: true });
    if (signal?.aborted) interrupt();
    const cancel =
      timeoutMs === undefined ? () => {} : clock.after(timeoutMs, () => this.#timedOut(timeoutMs));
    try {
      await this.#openFirst();
      return await ended;
    } finally {
      this.#isDone = true;
      cancel();
      signal?.removeEventListener("abort", interrupt);
      await this.#port?.close();
    }
  }

  #timedOut(timeoutMs: number): void {
    const awaited = this.#options.until
      ? ` without a line that matches ${this.#options.until}`
      : "";
    this.#failWith(
      new DeviceError("timeout", `${timeoutMs / 1000} s passed${awaited}`, {
        hint: "look at the lines above; give a longer --timeout, or --reset to see the boot",
      }),
    );
  }

  #end(end: MonitorEnd): void {
    if (this.#isDone) return;
    this.#isDone = true;
    this.#settle(end);
  }

  #failWith(error: unknown): void {
    if (this.#isDone) return;
    this.#isDone = true;
    this.#fail(error);
  }

  get #hostMs(): number {
    return this.#options.clock.nowMs() - this.#startMs;
  }

  async #open(isFirst: boolean): Promise<void> {
    const { source, baud, onEvent, reset } = this.#options;
    this.#port = await source.open(baud, {
      onData: (bytes) => this.#bytes(bytes),
      onClose: (error) => {
        void this.#reopen(error).catch((failure: unknown) => this.#failWith(failure));
      },
    });
    onEvent({ kind: "connected", reason: source.address, hostMs: this.#hostMs });
    if (isFirst && reset) await reset(this.#port);
  }

  /** A board that was flashed a moment ago may still be off the bus. */
  async #openFirst(): Promise<void> {
    const { clock } = this.#options;
    const deadlineMs = clock.nowMs() + firstOpenMs;
    while (!this.#isDone) {
      try {
        await this.#open(true);
        return;
      } catch (error) {
        if (!isDeviceError(error, "no-device") || clock.nowMs() >= deadlineMs) throw error;
      }
      await sleep(clock, reopenPollMs);
    }
  }

  /** Native-USB boards leave the bus at every reset; they are waited for as long as it takes. */
  async #reopen(reason: DeviceError): Promise<void> {
    this.#port = undefined;
    this.#lines.flush();
    this.#options.onEvent({ kind: "disconnected", reason: reason.message, hostMs: this.#hostMs });
    while (!this.#isDone) {
      try {
        await this.#open(false);
        return;
      } catch (error) {
        if (!isDeviceError(error, "no-device", "port-gone", "port-failed", "port-busy"))
          throw error;
      }
      await sleep(this.#options.clock, reopenPollMs);
    }
  }

  #bytes(bytes: Uint8Array): void {
    if (this.#isDone) return;
    this.#options.onBytes?.(bytes);
    this.#xsbug.feed(bytes);
  }

  #xsbugEvent(event: XsbugEvent): void {
    if (event.kind === "text") {
      this.#lines.push(event.text);
      return;
    }
    const { positions, onEvent } = this.#options;
    let shown = event;
    if ((event.kind === "log" || event.kind === "break") && event.path !== undefined && positions) {
      const original = positions.original(event.path, event.line ?? 0);
      const match = original ? /^(.*):(\d+)$/.exec(original) : null;
      if (match) shown = { ...event, path: match[1]!, line: Number(match[2]) };
    }
    onEvent({ kind: "xsbug", event: shown, hostMs: this.#hostMs });
    if (event.kind === "log") this.#judge(event.text.trimEnd());
    // A machine that logs in, or breaks, waits for us.
    if (event.kind === "login" || event.kind === "break") this.#answer(event.machine);
  }

  #answer(machine: string): void {
    const bytes = new TextEncoder().encode(xsbugCommand(machine, "go"));
    this.#port?.write(bytes).catch(() => {
      // The port is gone; reopening is under way.
    });
  }

  #line(raw: string): void {
    const { onEvent, positions } = this.#options;
    const text = positions ? positions.rewrite(raw) : raw;
    const stamp = deviceStamp.exec(withoutColors(raw));
    const deviceMs = stamp ? Number(stamp[1]) : undefined;
    onEvent({ kind: "line", text, deviceMs, hostMs: this.#hostMs });
    this.#judge(text);
  }

  #judge(text: string): void {
    const { until, failOn, failOnPanic } = this.#options;
    for (const finding of recognise(text)) {
      this.#found(finding);
      const isDeath = finding.kind === "panic" || finding.kind === "xs-abort";
      if (isDeath && failOnPanic) this.#failWith(failText(`the board panicked: ${finding.reason}`));
    }
    if (failOn?.test(text)) this.#failWith(failText(`'${shorten(text, 200)}' matches ${failOn}`));
    else if (until?.test(text)) this.#end({ why: "until", line: text });
  }

  #found(finding: Finding): void {
    const { onEvent, decode } = this.#options;
    onEvent({ kind: "finding", finding, hostMs: this.#hostMs });
    if (finding.kind !== "addresses" || !decode) return;
    const frames = decode(finding.addresses);
    if (frames.length > 0) onEvent({ kind: "decoded", frames, hostMs: this.#hostMs });
  }
}

function failText(what: string): DeviceError {
  return new DeviceError("fail-text", what, { hint: "the lines above show what led to it" });
}
