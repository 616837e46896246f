// The simulated world: order of time, windows, cuts, determinism.
import { expect, test } from "vitest";
import type { SocketError } from "../../../firmware/ports/socket.ts";
import { NodePlatform } from "../../../host-tools/sim/node-platform.ts";
import { NorFlash } from "../../../host-tools/sim/storage.ts";
import type { ServerEnd } from "../../../host-tools/sim/stream.ts";
import { VirtualClock } from "../../../host-tools/sim/virtual-clock.ts";
import { World } from "../../../host-tools/sim/world.ts";

const always = { notBeforeMs: Date.UTC(2025, 0, 1), notAfterMs: Date.UTC(2030, 0, 1) };

function echoWorld(seed: number) {
  const world = new World({ seed });
  const ends: ServerEnd[] = [];
  world.network.listen("hub", 8883, {
    certificate: always,
    accept(stream) {
      ends.push(stream);
      stream.onData = (bytes) => stream.write(bytes);
    },
  });
  const platform = new NodePlatform(world, { name: "a" });
  const seen = { readable: 0, writable: 0, errors: [] as SocketError[], bytes: [] as number[] };
  const socket = platform.network.connect({
    host: "hub",
    port: 8883,
    tls: {},
    onReadable: (count) => {
      seen.readable++;
      seen.bytes.push(...socket.read(count));
    },
    onWritable: (count) => {
      seen.writable = count;
    },
    onError: (error) => seen.errors.push(error),
  });
  return { world, platform, socket, seen, ends };
}

test("events run in order of time, equal times in order of insertion, cancelled ones never", () => {
  const clock = new VirtualClock();
  const order: string[] = [];
  for (let i = 0; i < 100; i++) clock.at((i * 37) % 10, () => order.push(`${(i * 37) % 10}.${i}`));
  clock.cancel(clock.at(5, () => order.push("never")));
  clock.runUntil(20);
  const sorted = [...order].sort((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10));
  expect(order).toEqual(sorted);
  expect(order).toHaveLength(100);
  expect(clock.nowMs).toBe(20);
});

test("bytes come back in order; reads past the available and writes past the window throw", () => {
  const { world, socket, seen } = echoWorld(1);
  expect(() => socket.write(new Uint8Array(1))).toThrow(/not open/);
  world.clock.runFor(1000);
  expect(seen.writable).toBe(8192);
  expect(socket.write(Uint8Array.of(1, 2))).toBe(8190);
  socket.write(Uint8Array.of(3));
  expect(() => socket.write(new Uint8Array(8190))).toThrow(/allowed/);
  world.clock.runFor(1000);
  expect(seen.bytes).toEqual([1, 2, 3]);
  expect(seen.writable).toBe(8192);
  expect(() => socket.read(1)).toThrow(/available/);
});

test("a cut link swallows bytes silently, also after it is back", () => {
  const { world, socket, seen } = echoWorld(2);
  world.clock.runFor(1000);
  world.network.cut("a");
  socket.write(Uint8Array.of(9));
  world.clock.runFor(1000);
  world.network.restore("a");
  socket.write(Uint8Array.of(8));
  world.clock.runFor(60_000);
  expect(seen.bytes).toEqual([]);
  expect(seen.errors).toEqual([]);
});

test("a clock in 1970 refuses the certificate, an unknown name has no address", () => {
  const world = new World({ seed: 3 });
  world.network.listen("hub", 1, { certificate: always, accept: () => {} });
  const platform = new NodePlatform(world, { name: "a", clockKnown: false });
  const codes: string[] = [];
  const options = { tls: {}, onReadable: () => {}, onWritable: () => {} };
  const onError = (error: SocketError) => codes.push(`${error.code}: ${error.message}`);
  platform.network.connect({ ...options, host: "hub", port: 1, onError });
  platform.network.connect({ ...options, host: "nowhere", port: 1, onError });
  platform.network.connect({ ...options, host: "hub", port: 2, onError });
  world.clock.runFor(60_000);
  expect(codes.join("\n")).toMatch(/certificate: .*not yet valid/);
  expect(codes.join("\n")).toMatch(/dns: no address for nowhere/);
  expect(codes.join("\n")).toMatch(/refused/);
});

test("power-off tells nobody and stops the timers", () => {
  const { world, platform, ends, seen } = echoWorld(4);
  let fired = 0;
  let serverClosed = false;
  platform.timers.start(2000, () => fired++);
  world.clock.runFor(1000);
  ends[0]!.onClose = () => {
    serverClosed = true;
  };
  platform.powerOff();
  world.clock.runFor(10_000);
  expect({ fired, serverClosed, errors: seen.errors }).toEqual({
    fired: 0,
    serverClosed: false,
    errors: [],
  });
});

test("same seed, same trace; another seed, another trace", () => {
  const run = (seed: number) => {
    const { world, socket } = echoWorld(seed);
    world.clock.runFor(1000);
    for (let i = 0; i < 50; i++) {
      socket.write(Uint8Array.of(i));
      world.clock.runFor(7);
    }
    return world.trace.digest();
  };
  expect(run(5)).toBe(run(5));
  expect(run(5)).not.toBe(run(6));
});

test("NOR flash clears bits only, keeps pages apart and counts erases", () => {
  const flash = new NorFlash(8192);
  flash.program(0, Uint8Array.of(0x0f));
  expect(() => flash.program(0, Uint8Array.of(0xff))).toThrow(/erase first/);
  expect(() => flash.program(250, new Uint8Array(10))).toThrow(/crosses a page/);
  flash.erase(0);
  expect(flash.bytes[0]).toBe(0xff);
  expect([...flash.erases]).toEqual([1, 0]);
});
