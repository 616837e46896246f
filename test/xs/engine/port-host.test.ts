// A board on the firmware's ports: storage, flash, timers and digests of the simulated world.
import { expect, test } from "vitest";
import { Board } from "../../../host-tools/engine/board.ts";
import { compileModules } from "../../../host-tools/engine/bytecode.ts";
import { PortHost } from "../../../host-tools/engine/port-host.ts";
import { NodePlatform } from "../../../host-tools/sim/node-platform.ts";
import { World } from "../../../host-tools/sim/world.ts";
import { engine } from "./support.ts";

function run(source: string, durationMs = 1000, earlier?: NodePlatform) {
  const world = new World({ seed: 7 });
  const lines: string[] = [];
  const ends: string[] = [];
  const platform = new NodePlatform(world, {
    name: "b",
    ...(earlier ? { persistent: earlier.persistent } : {}),
  });
  const host = new PortHost({
    ...platform,
    clock: platform.clock,
    timers: platform.timers,
    network: platform.network,
    random: platform.random,
    log: (_level, text) => lines.push(text),
    storage: () => platform.storage,
    flash: (path) => (path === "log" ? platform.flash : undefined),
    onEnd: (status) => ends.push(status.state === "aborted" ? status.reason : ""),
  });
  const modules = compileModules(engine, [{ specifier: "main", source }]);
  const board = Board.create(engine, { modules, host });
  host.attach(board);
  const status = board.start("main");
  world.clock.runFor(durationMs);
  return { lines, ends, platform, status, board };
}

test("timers run in virtual time", () => {
  const { lines } = run(`import Timer from "timer"; import Time from "time";
    Timer.repeat((t) => { trace(Time.ticks); if (Time.ticks >= 300) Timer.clear(t); }, 100);`);
  expect(lines).toEqual(["100", "200", "300"]);
});

test("key-value storage keeps NVS's limits and survives the board", () => {
  const first = run(`import storage from "embedded:storage/key-value";
    const store = storage.open({ path: "app" });
    store.write("a", new Uint8Array([1, 2, 3]));
    store.write("gone", new Uint8Array(1)); store.delete("gone");
    trace(new Uint8Array(store.read("a"))); trace(store.read("gone"));
    for (const key of ["", "0123456789abcdef"]) try { store.write(key, new Uint8Array(1)); } catch (e) { trace(e.message); }
    try { storage.open({ path: "app", mode: "r" }).write("a", new Uint8Array(1)); } catch (e) { trace(e.message); }
    const text = storage.open({ path: "app", format: "string" }); text.write("t", "grüße"); trace(text.read("t"));
    const number = storage.open({ path: "app", format: "int16" }); number.write("n", -300); trace(number.read("n"));
    try { number.write("n", 40_000); } catch (e) { trace(e.message); }`);
  expect(first.status.state).toBe("running");
  expect(first.lines).toEqual([
    "1,2,3",
    "undefined",
    "invalid name: ",
    "invalid name: 0123456789abcdef",
    "read only",
    "grüße",
    "-300",
    "invalid value",
  ]);
  const second = run(
    `import storage from "embedded:storage/key-value"; trace(new Uint8Array(storage.open({ path: "app" }).read("a")));`,
    0,
    first.platform,
  );
  expect(second.lines).toEqual(["1,2,3"]);
});

test("flash erases blocks, clears bits and checks bounds", () => {
  const { lines, status } = run(`import flash from "embedded:storage/flash";
    const log = flash.open({ path: "log" });
    const { blocks, blockLength, size } = log.status();
    trace([blocks * blockLength === size, blockLength].join());
    log.eraseBlock(0, 2);
    log.write(new Uint8Array([0xf0]), 4095);
    log.write(new Uint8Array(600).fill(7), 4096);
    trace(new Uint8Array(log.read(2, 4095)).join());
    trace(log.read(new Uint8Array(3), 4096 + 598).join());
    for (const bad of [() => log.read(2, size - 1), () => log.write(new Uint8Array(1), -1), () => log.eraseBlock(blocks), () => flash.open({ path: "none" })])
      try { bad(); trace("accepted"); } catch (e) { trace(e.message); }`);
  expect(status).toEqual({ state: "running" });
  expect(lines).toEqual([
    "true,4096",
    "240,7",
    "7,7,255",
    "out of range",
    "out of range",
    "invalid block",
    "partition not found",
  ]);
});

test("digests are the platform's", () => {
  const { lines } = run(`import { Digest } from "crypt";
    const hash = new Uint8Array(new Digest("SHA256").write("ab").write(new Uint8Array([99])).close());
    trace([...hash].map((b) => b.toString(16).padStart(2, "0")).join(""));
    try { new Digest("SHA3"); } catch (e) { trace(e.message); }`);
  expect(lines).toEqual([
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    "unsupported digest",
  ]);
});

test("a board that ends takes its timers along and is reported once", () => {
  const { ends, lines } = run(`import Timer from "timer"; import System from "system";
    Timer.repeat(() => trace("tick"), 10); Timer.set(() => System.restart(), 25);`);
  expect(lines).toEqual(["tick", "tick"]);
  expect(ends).toEqual(["restart"]);
});

test("a connection nobody answers fails on the event loop", () => {
  const { lines } = run(
    `import TLS from "embedded:io/socket/tcp/tls";
    new TLS({ host: "nowhere.example", port: 8883, onError(e) { trace(e.code); } });
    trace("first");`,
    120_000,
  );
  expect(lines).toEqual(["first", "dns"]);
});
