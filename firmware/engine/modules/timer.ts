// Module "timer" of the Moddable SDK: one-shot and repeating timers.
import { addTimer, pauseTimer, removeTimer, startTimer } from "./events.ts";

type TimerCallback = (timer: Timer) => void;

const maxDelayMs = 0x7fffffff;

function delay(value: number | undefined): number {
  const ms = Number(value ?? 0);
  return ms > 0 ? Math.min(ms, maxDelayMs) : 0;
}

/** A running or waiting timer. As on devices, a one-shot timer is gone after its callback, unless rescheduled. */
export default class Timer {
  #id = 0;
  #isArmed = false;
  #repeatMs = 0;

  /** Calls back after `interval` ms; with `repeat`, again every `repeat` ms. */
  static set(callback: TimerCallback, interval?: number, repeat?: number): Timer {
    const timer = new Timer();
    timer.#id = addTimer(() => {
      timer.#isArmed = timer.#repeatMs > 0;
      callback(timer);
      if (!timer.#isArmed) Timer.clear(timer);
    });
    timer.#arm(interval, repeat);
    return timer;
  }

  static repeat(callback: TimerCallback, interval: number): Timer {
    return Timer.set(callback, interval, interval);
  }

  /** Changes when a timer fires; without an interval it waits until it is scheduled again. */
  static schedule(timer: Timer, interval?: number, repeat?: number): void {
    if (timer.#id === 0) throw new SyntaxError("invalid timer");
    if (interval === undefined) {
      pauseTimer(timer.#id);
      timer.#isArmed = true;
      timer.#repeatMs = 0;
    } else timer.#arm(interval, repeat);
  }

  static clear(timer: Timer | undefined | null): void {
    if (!timer || timer.#id === 0) return;
    removeTimer(timer.#id);
    timer.#id = 0;
  }

  #arm(interval: number | undefined, repeat: number | undefined): void {
    this.#isArmed = true;
    this.#repeatMs = delay(repeat);
    startTimer(this.#id, delay(interval), this.#repeatMs);
  }
}
