/** Port Timers over the SDK's `timer`: one-shot, stopping twice is harmless, callbacks are guarded. */
import Timer from "timer";
import type { Log } from "../../ports/log.ts";
import type { TimerHandle, Timers } from "../../ports/timers.ts";

/** Runs `action`; what escapes a callback of the SDK would end the virtual machine, so it is logged and gone. */
export function guard(log: Log, action: () => void): void {
  try {
    action();
  } catch (error) {
    log("error", `escaped: ${String(error)}`);
  }
}

/** The SDK's timers take 32-bit milliseconds. A longer delay ends here; no caller may mind an early call. */
const DELAY_MAX_MS = 0x7fffffff;

interface Running {
  timer: Timer | undefined;
}

export class XsTimers implements Timers {
  private readonly log: Log;

  constructor(log: Log) {
    this.log = log;
  }

  start(delayMs: number, callback: () => void): TimerHandle {
    const running: Running = { timer: undefined };
    running.timer = Timer.set(
      () => {
        // A one-shot timer frees itself; clearing it afterwards would be an error.
        running.timer = undefined;
        guard(this.log, callback);
      },
      Math.min(Math.ceil(delayMs), DELAY_MAX_MS),
    );
    return running;
  }

  stop(handle: TimerHandle): void {
    const running = handle as Running;
    if (running.timer) Timer.clear(running.timer);
    running.timer = undefined;
  }
}
