/** The wall clock of a device that has no battery: a floor below which no time is believed, and its correction. */
import { GodwitError } from "../codec/error.ts";
import { decodeUtf8, encodeUtf8 } from "../codec/utf8.ts";
import type { Platform } from "../ports/platform.ts";
import type { TimerHandle } from "../ports/timers.ts";

const FLOOR_KEY = "time.floor";
/** A time server that has not answered by then is not waited for. */
export const TIME_SYNC_TIMEOUT_MS = 15_000;
/** The floor is saved at most this often: flash wears. */
export const FLOOR_SAVE_INTERVAL_MS = 24 * 3_600_000;
/** A wall clock that moved this far against the monotonic one has been set by somebody. */
const SET_BY_OTHERS_MS = 5000;

export class TimeKeeper {
  private readonly platform: Platform;
  private floorMs: number;
  private isTrusted = true;
  /** Wall minus monotonic time when the wall clock was put onto the floor. */
  private guessMs = Number.NaN;
  private timer: TimerHandle | undefined;
  private waiting: (() => void) | undefined;

  constructor(platform: Platform) {
    this.platform = platform;
    this.floorMs = Math.max(platform.timeFloorMs, this.savedFloorMs());
    if (this.wallMs() < this.floorMs) this.guess();
  }

  /** False: the time is the floor plus the time since boot. A clock below the floor is put back onto it. */
  get isKnown(): boolean {
    if (this.wallMs() < this.floorMs) this.guess();
    else if (Math.abs(this.offsetMs() - this.guessMs) > SET_BY_OTHERS_MS) this.isTrusted = true;
    return this.isTrusted;
  }

  /** Whether `sync` can do anything. */
  get hasSource(): boolean {
    return this.platform.timeSource !== undefined;
  }

  /** Unix seconds: the best this device knows. Never below the floor, even if somebody sets the clock back. */
  nowS(): number {
    return Math.floor(Math.max(this.wallMs(), this.floorMs) / 1000);
  }

  /** Asks the time source; `done` is called once, at the latest after TIME_SYNC_TIMEOUT_MS. */
  sync(done: () => void): void {
    this.cancel();
    this.waiting = done;
    this.timer = this.platform.timers.start(TIME_SYNC_TIMEOUT_MS, () => this.finish(done));
    try {
      this.platform.timeSource?.request((unixMs) => {
        if (this.waiting !== done) return;
        this.accept(unixMs);
        this.finish(done);
      });
    } catch (error) {
      this.platform.log("warn", `time source failed: ${String(error)}`);
    }
  }

  /** Forgets a running `sync`; its callback will not be called. */
  cancel(): void {
    if (this.timer) this.platform.timers.stop(this.timer);
    this.timer = undefined;
    this.waiting = undefined;
  }

  /** The time is good (a service accepted it): remember it across power cuts, rarely. */
  saveFloor(): void {
    const wallMs = this.wallMs();
    if (this.isKnown && wallMs >= this.floorMs + FLOOR_SAVE_INTERVAL_MS) this.writeFloor(wallMs);
  }

  private writeFloor(unixMs: number): void {
    this.floorMs = unixMs;
    try {
      this.platform.storage.write(FLOOR_KEY, encodeUtf8(`${Math.floor(unixMs)}`));
    } catch (error) {
      this.platform.log("warn", `time.floor not saved: ${String(error)}`);
    }
  }

  private accept(unixMs: number | undefined): void {
    if (unixMs === undefined || !(unixMs >= this.platform.timeFloorMs)) return;
    // A clock that ran ahead may have been saved as the floor: a source may take that back, to the
    // image's own floor at most, or the device would be locked out until reality catches up.
    if (unixMs < this.floorMs) this.writeFloor(unixMs);
    this.platform.clock.setWallMs(unixMs);
    this.isTrusted = true;
  }

  private finish(done: () => void): void {
    if (this.waiting !== done) return;
    this.cancel();
    done();
  }

  private guess(): void {
    this.isTrusted = false;
    this.platform.clock.setWallMs(this.floorMs);
    this.guessMs = this.offsetMs();
  }

  private wallMs(): number {
    return this.platform.clock.wallMs() ?? 0;
  }

  private offsetMs(): number {
    return this.wallMs() - this.platform.clock.ticksMs();
  }

  private savedFloorMs(): number {
    try {
      const bytes = this.platform.storage.read(FLOOR_KEY);
      if (!bytes) return 0;
      const savedMs = Number(decodeUtf8(bytes));
      if (Number.isFinite(savedMs)) return savedMs;
      throw new GodwitError("storage", "not a number");
    } catch (error) {
      this.platform.log("warn", `time.floor ignored: ${String(error)}`);
      return 0;
    }
  }
}
