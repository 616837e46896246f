// The monitor on a virtual board: boot log, ends, panics, re-enumeration, xsbug framing, source positions.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { demoFirmware } from "../../../host-tools/emulator/bench/demo-firmware.ts";
import { EspBoard } from "../../../host-tools/emulator/bench/esp-board.ts";
import { espBoot, type Firmware, heartbeat } from "../../../host-tools/emulator/bench/esp-boot.ts";
import { VirtualClock } from "../../../host-tools/emulator/bench/virtual-clock.ts";
import { Wire } from "../../../host-tools/emulator/bench/wire.ts";
import { runFlashJob } from "../../../host-tools/flash/esp/job.ts";
import { hardResetFor, runSteps } from "../../../host-tools/flash/esp/resets.ts";
import { targetById } from "../../../host-tools/flash/esp/targets-table.ts";
import { parseOutput } from "../../../host-tools/monitor/addr2line.ts";
import { LineSplitter } from "../../../host-tools/monitor/line-splitter.ts";
import {
  type MonitorEvent,
  type MonitorOptions,
  runMonitor,
} from "../../../host-tools/monitor/monitor.ts";
import { recognise } from "../../../host-tools/monitor/recognise.ts";
import { SourcePositions } from "../../../host-tools/monitor/source-positions.ts";
import { type XsbugEvent, XsbugParser } from "../../../host-tools/monitor/xsbug.ts";
import { memorySource } from "../../../host-tools/serial/memory.ts";
import { prng } from "../../support/bench.ts";

const target = targetById("esp32c3")!;

function world(firmwares: Record<string, Firmware>, project: string, reenumerateMs = 0) {
  const clock = new VirtualClock();
  const board = new EspBoard({
    target,
    clock,
    boot: espBoot(new Map(Object.entries(firmwares))),
    ...(reenumerateMs > 0
      ? { isUsbJtag: true, reenumerateMs, usb: { vendorId: 0x303a, productId: 0x1001 } }
      : {}),
  });
  const wire = new Wire(board, { clock });
  const source = memorySource("memory:board", () => wire);
  const events: MonitorEvent[] = [];
  const reset: MonitorOptions["reset"] = (port) =>
    runSteps({ clock, setLines: (lines) => port.setLines(lines) }, hardResetFor(undefined));
  const watch = (options: Partial<MonitorOptions>) =>
    runMonitor({
      source,
      clock,
      baud: 115_200,
      reset,
      onEvent: (event) => events.push(event),
      ...options,
    });
  const flash = () =>
    runFlashJob({ source, clock, regions: demoFirmware(target, { project }), resetAfter: true });
  const lines = () => events.flatMap((event) => (event.kind === "line" ? [event.text] : []));
  return { clock, board, wire, source, events, watch, flash, lines };
}

test("flash, boot, log: the board runs what was written", async () => {
  const { clock, flash, watch, lines, events } = world({ heartbeat }, "heartbeat");
  const end = await clock.run(flash().then(() => watch({ until: /heartbeat 2/ })));
  expect(end).toMatchObject({ why: "until" });
  expect(lines()).toContain("I (61) app_init: App version:      1.0.0");
  const beats = events.filter((event) => event.kind === "line" && /heartbeat \d/.test(event.text));
  expect(beats.length).toBe(3);
  expect(Math.round((beats[2]!.hostMs - beats[0]!.hostMs) / 100)).toBe(20);
  expect(beats[1]).toMatchObject({ deviceMs: expect.any(Number) });
  expect(events).toContainEqual(
    expect.objectContaining({
      finding: expect.objectContaining({ kind: "reset", reason: "POWERON" }),
    }),
  );
});

test("an empty board says that there is nothing to boot", async () => {
  const { clock, watch, lines } = world({}, "heartbeat");
  await expect(clock.run(watch({ timeoutMs: 3000 }))).rejects.toMatchObject({
    code: "timeout",
    exitCode: 6,
  });
  expect(lines().some((line) => line.includes("nothing to boot"))).toBe(true);
});

const panicking: Firmware = ({ print }) => {
  print(
    "Guru Meditation Error: Core  0 panic'ed (Load access fault). Exception was unhandled.\r\n",
  );
  print("MEPC    : 0x42001234  RA      : 0x42005678  SP      : 0x3fc90000\r\n");
  return () => {};
};

test("a panic ends the run with exit code 1 and its addresses decoded", async () => {
  const { clock, flash, watch, events } = world({ panicking }, "panicking");
  const decode = (addresses: readonly number[]) =>
    addresses.map((address) => ({ address, text: `f${address.toString(16)} at a.c:1` }));
  const work = flash().then(() => watch({ failOnPanic: true, decode }));
  await expect(clock.run(work)).rejects.toMatchObject({ code: "fail-text", exitCode: 1 });
  const watched = flash().then(() => watch({ decode, timeoutMs: 2000 }));
  await clock.run(watched.catch(() => {}));
  expect(events.find((event) => event.kind === "decoded")).toMatchObject({
    frames: [{ address: 0x42001234 }, { address: 0x42005678 }],
  });
});

test("--fail-on wins over --until on the same line", async () => {
  const { clock, flash, watch } = world({ heartbeat }, "heartbeat");
  const work = flash().then(() => watch({ until: /heartbeat 0/, failOn: /beat 0/ }));
  await expect(clock.run(work)).rejects.toMatchObject({ code: "fail-text" });
});

test("a board that leaves the bus at a reset is awaited", async () => {
  const { clock, flash, watch, events } = world({ heartbeat }, "heartbeat", 500);
  await clock.run(flash().then(() => watch({ until: /heartbeat 3/, reset: pulse(clock) })));
  const kinds = events.map((event) => event.kind).filter((kind) => /connected/.test(kind));
  expect(kinds).toEqual(["connected", "disconnected", "connected"]);
});

/** RTS up and down: on USB-Serial-JTAG that is a reset. */
function pulse(clock: VirtualClock): NonNullable<MonitorOptions["reset"]> {
  const steps = [
    { dtr: false, rts: true, delayMs: 100 },
    { dtr: false, rts: false, delayMs: 0 },
  ];
  return (port) => runSteps({ clock, setLines: (lines) => port.setLines(lines) }, steps);
}

test.each([
  ["Guru Meditation Error: Core 1 panic'ed (StoreProhibited).", "panic", "core 1: StoreProhibited"],
  [
    "abort() was called at PC 0x400d1234 on core 0",
    "panic",
    "abort() was called at PC 0x400d1234 on core 0",
  ],
  ["XS abort: memory full", "xs-abort", "memory full"],
  ["XS abort: unhandled exception out of range", "xs-abort", "unhandled exception out of range"],
  ["rst:0x7 (TG0WDT_SYS_RST),boot:0xc (SPI_FAST_FLASH_BOOT)", "reset", "TG0WDT_SYS_RST"],
])("%s", (line, kind, reason) => {
  expect(recognise(line)[0]).toMatchObject({ kind, reason });
});

test("Xtensa backtraces give program counters", () => {
  expect(recognise("Backtrace: 0x400d1234:0x3ffb1230 0x400d5678:0x3ffb1250")).toEqual([
    { kind: "addresses", addresses: [0x400d1234, 0x400d5678] },
  ]);
  expect(recognise("I (12) wifi: connected")).toEqual([]);
});

test("addr2line's output becomes frames; unknown ones are left out", () => {
  const output =
    "0x42001234: app_main at main.c:10\n (inlined by) start at main.c:4\n0x1: ?? at ??:0\n";
  expect(parseOutput(output)).toEqual([
    { address: 0x42001234, text: "app_main at main.c:10, (inlined by) start at main.c:4" },
  ]);
});

const session =
  'boot text\r\n\r\n<?xs.20001234?>\r\n<xsbug><login name="main" value="XS"/></xsbug>\r\n' +
  '\r\n<?xs.20001234?>\r\n<xsbug><log path="main.js" line="7">a &lt; b&#10;</log></xsbug>\r\n' +
  "<?xs#20001234?>\u0000\u0003<xs\r\n<?xs.20001234?>\r\n" +
  '<xsbug><break path="main.js" line="9">no x!</break></xsbug>\r\n' +
  '<xsbug><instruments><instrument name="Chunk used" value=""/><instrument name="Slot used" value=""/></instruments></xsbug>\r\n' +
  "<xsbug><samples>1024,2048</samples></xsbug>\r\n<?xs-20001234?>\r\n";

function parsed(portions: readonly string[]): XsbugEvent[] {
  const events: XsbugEvent[] = [];
  const parser = new XsbugParser((event) => events.push(event));
  for (const portion of portions) parser.feed(Buffer.from(portion, "latin1"));
  parser.flush();
  return events.filter((event) => event.kind !== "text" || event.text.trim() !== "");
}

test("xsbug framing: login, log, break, samples, binary skipped, text kept", () => {
  const machine = "20001234";
  const expected = [
    { kind: "text", text: "boot text\r\n\r\n" },
    { kind: "login", machine, name: "main" },
    { kind: "log", machine, text: "a < b\n", path: "main.js", line: 7 },
    { kind: "break", machine, message: "no x!", path: "main.js", line: 9 },
    { kind: "sample", machine, values: { "Chunk used": 1024, "Slot used": 2048 } },
    { kind: "closed", machine },
  ];
  expect(parsed([session])).toEqual(expected);
  for (let cut = 1; cut < session.length; cut++) {
    const events = parsed([session.slice(0, cut), session.slice(cut)]);
    expect(events.filter((event) => event.kind !== "text")).toEqual(expected.slice(1));
  }
});

test("garbage never throws and never grows without bounds (seed 5)", () => {
  const next = prng(5);
  const alphabet = [
    "<?xs.",
    "<xsbug>",
    "</xsbug>",
    "<log ",
    'line="',
    "\r\n",
    "\u0000",
    "&#x",
    ">",
  ];
  for (let round = 0; round < 200; round++) {
    const text = Array.from({ length: 40 }, () => alphabet[next() % alphabet.length]).join("");
    expect(() => parsed([text])).not.toThrow();
  }
});

test("lines survive any splitting, and endless ones are cut", () => {
  const lines: string[] = [];
  const splitter = new LineSplitter((line) => lines.push(line));
  for (const byte of new TextEncoder().encode("één\r\ntwo\nthree"))
    splitter.feed(Uint8Array.of(byte));
  splitter.flush();
  expect(lines).toEqual(["één", "two", "three"]);
  splitter.feed(new Uint8Array(10_000).fill(65));
  expect(lines.slice(3).map((line) => line.length)).toEqual([4096, 4096]);
});

test("positions lead back to TypeScript", () => {
  const folder = mkdtempSync(join(tmpdir(), "godwit-maps-"));
  // Line 2 of main.js comes from line 5 of ../src/main.ts.
  const map = { version: 3, sources: ["../src/main.ts"], names: [], mappings: ";AAIA" };
  writeFileSync(join(folder, "main.js"), "\nx\n");
  writeFileSync(join(folder, "main.js.map"), JSON.stringify(map));
  const positions = new SourcePositions(folder, join(folder, ".."));
  expect(positions.rewrite("Error at mods/main.js:2: no x")).toBe("Error at src/main.ts:5: no x");
  expect(positions.rewrite("at other.js:2")).toBe("at other.js:2");
  rmSync(folder, { recursive: true });
});
