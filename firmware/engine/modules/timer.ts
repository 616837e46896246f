// Module "timer" of the Moddable SDK: one-shot and repeating timers.
import { addTimer, pauseTimer, removeTimer, startTimer } from "./events.ts";

type TimerCallback = (timer: Timer) => void;

const maxDelayMs = 0x7fffffff;

function delay(value: number | undefined): number {
  const ms = Number(value ?? 0);
  return ms > 0 ? Math.min(ms, maxDelayMs) : 0;
}

/** A running or waiting timer. Like on devices, a one-shot timer is gone after it has fired. */
export default class Timer {
  #id = 0;

  /** Calls back after `interval` ms; with `repeat`, again every `repeat` ms. */
  static set(callback: TimerCallback, interval?: number, repeat?: number): Timer {
    const timer = new Timer();
    const isRepeating = repeat !== undefined && repeat > 0;
    timer.#id = addTimer(() => {
      if (!isRepeating && !timer.#rescheduled) Timer.clear(timer);
      callback(timer);
    });
    startTimer(timer.#id, delay(interval), isRepeating ? delay(repeat) : 0);
    return timer;
  }

  #rescheduled = false;

  static repeat(callback: TimerCallback, interval: number): Timer {
    return Timer.set(callback, interval, interval);
  }

  /** Changes when a timer fires; without an interval it waits until it is scheduled again. */
  static schedule(timer: Timer, interval?: number, repeat?: number): void {
    if (timer.#id === 0) throw new SyntaxError("invalid timer");
    timer.#rescheduled = true;
    if (interval === undefined) pauseTimer(timer.#id);
    else startTimer(timer.#id, delay(interval), delay(repeat));
  }

  static clear(timer: Timer | undefined | null): void {
    if (!timer || timer.#id === 0) return;
    removeTimer(timer.#id);
    timer.#id = 0;
  }
}
