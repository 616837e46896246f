/** What every platform promises its device code. Runs unchanged in Node and on XS: no test library, plain callbacks. */
import type { Platform } from "godwit/ports/platform";
import { socketChecks } from "./socket-checks.ts";

/** Ends one check: call `pass`, or let `expect` fail it. The first verdict counts. */
export interface Verdict {
  expect(condition: boolean, what: string): void;
  pass(): void;
}

export interface Check {
  readonly name: string;
  run(platform: Platform, verdict: Verdict): void;
}

export type Report = (name: string, failure: string | undefined) => void;

function throws(action: () => void): boolean {
  try {
    action();
    return false;
  } catch {
    return true;
  }
}

const clockChecks: Check[] = [
  {
    name: "clock: ticks follow timers and never go back",
    run({ clock, timers }, { expect, pass }) {
      const beginMs = clock.ticksMs();
      timers.start(250, () => {
        const elapsedMs = clock.ticksMs() - beginMs;
        expect(elapsedMs >= 250 && elapsedMs < 350, `${elapsedMs} ms for a timer of 250`);
        pass();
      });
    },
  },
  {
    name: "clock: setting the wall clock moves it, not the ticks",
    run({ clock, timers }, { expect, pass }) {
      const wallMs = Date.UTC(2027, 5, 1, 12);
      const beginMs = clock.ticksMs();
      clock.setWallMs(wallMs);
      timers.start(1000, () => {
        const driftMs = (clock.wallMs() ?? 0) - wallMs - (clock.ticksMs() - beginMs);
        expect(Math.abs(driftMs) <= 1000, `wall clock off by ${driftMs} ms`);
        expect(clock.ticksMs() - beginMs < 1100, "ticks jumped");
        pass();
      });
    },
  },
];

const timerChecks: Check[] = [
  {
    name: "timers: fire in order of time, never inside start",
    run({ timers }, { expect, pass }) {
      const order: string[] = [];
      timers.start(20, () => order.push("late"));
      timers.start(0, () => order.push("now"));
      timers.start(5, () => order.push("soon"));
      expect(order.length === 0, "called inside start");
      timers.start(60, () => {
        expect(order.join() === "now,soon,late", order.join());
        pass();
      });
    },
  },
  {
    name: "timers: stopping works once, twice, after the end and from inside",
    run({ timers }, { expect, pass }) {
      let calls = 0;
      const stopped = timers.start(10, () => calls++);
      timers.stop(stopped);
      timers.stop(stopped);
      const self = timers.start(10, () => {
        calls += 100;
        timers.stop(self);
      });
      timers.start(50, () => {
        timers.stop(self);
        expect(calls === 100, `${calls} calls`);
        pass();
      });
    },
  },
];

const storageChecks: Check[] = [
  {
    name: "storage: values come back as written, are copies, can be replaced and deleted",
    run({ storage }, { expect, pass }) {
      const value = Uint8Array.of(0, 255, 1, 0);
      expect(storage.read("never.written") === undefined, "a value from nowhere");
      storage.write("contract.a", value);
      value[0] = 9;
      expect(String(storage.read("contract.a")) === "0,255,1,0", "not what was written");
      storage.write("contract.a", Uint8Array.of(5));
      expect(String(storage.read("contract.a")) === "5", "not replaced");
      storage.delete("contract.a");
      storage.delete("contract.a");
      expect(storage.read("contract.a") === undefined, "not deleted");
      pass();
    },
  },
  {
    name: "storage: refuses long keys and long values, and takes the longest",
    run({ storage }, { expect, pass }) {
      const longest = new Uint8Array(storage.valueBytesMax).fill(7);
      expect(
        throws(() => storage.write("sixteen.letters!", Uint8Array.of(1))),
        "key of 16",
      );
      expect(
        throws(() => storage.write("k", new Uint8Array(longest.length + 1))),
        "value too long",
      );
      storage.write("fifteen.letters", longest);
      expect(storage.read("fifteen.letters")?.length === longest.length, "longest value");
      storage.delete("fifteen.letters");
      pass();
    },
  },
];

const cryptoChecks: Check[] = [
  {
    name: "digest: SHA-256 of FIPS 180-4's example, in one piece, in two, and of a view",
    run({ digest }, { expect, pass }) {
      const bytes = Uint8Array.of(1, 97, 98, 99, 2);
      const abc = bytes.subarray(1, 4);
      const whole = digest.sha256().update(abc).finish();
      const parts = digest.sha256().update(abc.subarray(0, 1)).update(abc.subarray(1)).finish();
      const head = [0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea];
      expect(String(whole.subarray(0, 8)) === String(head), String(whole));
      expect(String(whole) === String(parts) && whole.length === 32, "in parts");
      pass();
    },
  },
  {
    name: "random: fills all of the target, differently each time",
    run({ random }, { expect, pass }) {
      const first = new Uint8Array(64);
      const second = new Uint8Array(64);
      random.fill(first);
      random.fill(second);
      expect(String(first) !== String(second), "the same bytes twice");
      expect(String(first.subarray(56)) !== "0,0,0,0,0,0,0,0", "the end was not filled");
      pass();
    },
  },
];

const flashChecks: Check[] = [
  {
    name: "flash: erased bits are ones, programming clears them, pages and sectors fit",
    run({ flash }, { expect, pass }) {
      if (!flash) {
        pass();
        return;
      }
      expect(flash.sizeBytes % flash.sectorBytes === 0, "size in sectors");
      expect(flash.sectorBytes % flash.pageBytes === 0, "sector in pages");
      flash.erase(1);
      flash.program(flash.sectorBytes + 3, Uint8Array.of(0x0f, 0xf0));
      const read = new Uint8Array(4);
      flash.read(flash.sectorBytes + 2, read);
      expect(String(read) === "255,15,240,255", String(read));
      flash.program(flash.sectorBytes + 3, Uint8Array.of(0x0e));
      flash.read(flash.sectorBytes + 2, read);
      expect(read[1] === 0x0e, "bits not cleared");
      flash.erase(1);
      flash.read(flash.sectorBytes + 2, read);
      expect(String(read) === "255,255,255,255", "not erased");
      pass();
    },
  },
];

export const checks: readonly Check[] = [
  ...clockChecks,
  ...timerChecks,
  ...storageChecks,
  ...cryptoChecks,
  ...flashChecks,
  ...socketChecks,
];

/** Starts every check; each reports once, or never if it hangs. */
export function runChecks(platform: Platform, report: Report): void {
  for (const check of checks) {
    let isOver = false;
    const end = (failure: string | undefined) => {
      if (!isOver) report(check.name, failure);
      isOver = true;
    };
    try {
      check.run(platform, {
        expect(condition, what) {
          if (!condition) end(what);
        },
        pass: () => end(undefined),
      });
    } catch (error) {
      end(String(error));
    }
  }
}
