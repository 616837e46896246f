// The virtual bench itself: NOR rules, time, noise at wrong speeds, boot rules, faults that repeat.
import { expect, test } from "vitest";
import { demoFirmware } from "../../../host-tools/emulator/bench/demo-firmware.ts";
import { espBoot } from "../../../host-tools/emulator/bench/esp-boot.ts";
import { lineFault } from "../../../host-tools/emulator/bench/faults.ts";
import { NorFlash } from "../../../host-tools/emulator/bench/nor-flash.ts";
import { VirtualClock } from "../../../host-tools/emulator/bench/virtual-clock.ts";
import { encodeOtadata } from "../../../host-tools/flash/esp/otadata.ts";
import { encodeFrame, frameBytesMax, SlipDecoder } from "../../../host-tools/flash/esp/slip.ts";
import { targetById } from "../../../host-tools/flash/esp/targets-table.ts";
import { sleep } from "../../../host-tools/serial/clock.ts";
import { prng, virtualBench } from "../../support/bench.ts";
import { faultRun } from "../../support/fault-run.ts";

test("NOR flash: programming only clears bits, erasing works by sector", () => {
  const flash = new NorFlash(64 * 1024);
  flash.program(4090, Uint8Array.of(0x0f, 0xf0));
  flash.program(4090, Uint8Array.of(0xff, 0x30));
  expect([...flash.bytes.subarray(4090, 4092)]).toEqual([0x0f, 0x30]);
  expect(flash.violations).toBe(1);
  expect(flash.erase(4095, 2)).toBe(2);
  expect(flash.bytes.every((byte) => byte === 0xff)).toBe(true);
  expect(flash.jedecId >> 16).toBe(16);
});

test("virtual time: order kept, cancelled timers silent, a standstill is an error", async () => {
  const clock = new VirtualClock();
  const seen: string[] = [];
  const at = (ms: number, name: string) =>
    clock.after(ms, () => seen.push(`${name}@${clock.nowMs()}`));
  at(20, "c");
  at(10, "a");
  at(10, "b");
  at(5, "never")();
  await clock.run(sleep(clock, 30));
  expect(seen).toEqual(["a@10", "b@10", "c@20"]);
  await expect(clock.run(new Promise(() => {}))).rejects.toThrow("stands still");
});

test("SLIP: any bytes, any portions, over-long frames dropped (seed 12)", () => {
  const next = prng(12);
  for (let round = 0; round < 100; round++) {
    const content = Uint8Array.from({ length: 1 + (next() % 200) }, () =>
      next() % 4 === 0 ? [0xc0, 0xdb, 0xdc, 0xdd][next() % 4]! : next() & 0xff,
    );
    const frames: Uint8Array[] = [];
    const decoder = new SlipDecoder((frame) => frames.push(frame));
    const stream = Buffer.concat([
      Buffer.from("boot log\r\n"),
      encodeFrame(content),
      encodeFrame(content),
    ]);
    const cut = next() % stream.length;
    decoder.feed(stream.subarray(0, cut));
    decoder.feed(stream.subarray(cut));
    expect(frames).toEqual([content, content]);
    expect(Buffer.from(decoder.noise()).toString()).toBe("boot log\r\n");
  }
  const frames: Uint8Array[] = [];
  const decoder = new SlipDecoder((frame) => frames.push(frame));
  decoder.feed(encodeFrame(new Uint8Array(frameBytesMax + 1)));
  decoder.feed(encodeFrame(Uint8Array.of(1, 2)));
  expect(frames).toEqual([Uint8Array.of(1, 2)]);
});

test("at the wrong speed a board understands nothing", async () => {
  const { clock, source, board } = virtualBench("esp32c3");
  const heard: number[] = [];
  await clock.run(
    (async () => {
      const port = await source.open(9600, {
        onData: (bytes) => heard.push(...bytes),
        onClose: () => {},
      });
      await port.setLines({ dtr: false, rts: true });
      await sleep(clock, 100);
      await port.setLines({ dtr: true, rts: false });
      await sleep(clock, 100);
    })(),
  );
  expect(board.mode).toBe("rom");
  expect(Buffer.from(heard).toString()).not.toContain("waiting for download");
});

/** Flash with both slots filled; returns what the board prints after a power cycle. */
async function bootLog(change: (flash: NorFlash) => void): Promise<string> {
  const target = targetById("esp32")!;
  const flash = new NorFlash(4 << 20);
  for (const { offset, bytes } of demoFirmware(target, { version: "1.0" }))
    flash.program(offset, bytes);
  flash.program(0x110000, demoFirmware(target, { version: "2.0" })[2]!.bytes);
  change(flash);
  const { clock, source, wire } = virtualBench("esp32", { flash, boot: espBoot(new Map()) });
  let log = "";
  await clock.run(
    (async () => {
      await source.open(115_200, {
        onData: (bytes) => {
          log += Buffer.from(bytes).toString();
        },
        onClose: () => {},
      });
      wire.board.setPower(true);
      await sleep(clock, 500);
    })(),
  );
  return log;
}

test("a board boots by partition table and otadata, and only what is intact", async () => {
  expect(await bootLog(() => {})).toContain("App version:      1.0");
  const second = encodeOtadata({ sequence: 2, state: 2 });
  expect(await bootLog((flash) => flash.program(0xd000, second))).toContain(
    "App version:      2.0",
  );
  expect(await bootLog((flash) => flash.program(0x12000, new Uint8Array(16)))).toContain(
    "checksum",
  );
  expect(await bootLog((flash) => flash.erase(0x8000, 1))).toContain(
    "partition table: it is empty",
  );
  expect(await bootLog((flash) => flash.erase(0x1000, 1))).toContain(
    "bootloader is no valid ESP image",
  );
});

test("the same seed gives the same faults", async () => {
  const play = (seed: number) => {
    const fault = lineFault({ drop: 0.3, corrupt: 0.3, duplicate: 0.3, split: 0.3 }, seed);
    return Array.from({ length: 50 }, () =>
      fault(new Uint8Array(20), "toBoard").map((part) => Buffer.from(part).toString("hex")),
    );
  };
  expect(play(4)).toEqual(play(4));
  expect(play(4)).not.toEqual(play(5));
  const [first, second] = [await faultRun("all-at-once", 9), await faultRun("all-at-once", 9)];
  expect(first).toEqual(second);
});

test("an unplugged board keeps what was written so far", async () => {
  const { clock, board, wire, connect } = virtualBench("esp32c3");
  await clock.run(
    (async () => {
      const session = await connect({ baud: 115_200 });
      await session.beginWrite(0, 8192);
      await session.writeBlock(new Uint8Array(4096).fill(1), 0, {
        isCompressed: false,
        flashBytes: 4096,
      });
      wire.unplug();
      await expect(session.readReg(0)).rejects.toMatchObject({ code: "port-gone" });
      await expect(connect()).rejects.toMatchObject({ code: "no-device", exitCode: 3 });
    })(),
  );
  expect([board.flash.bytes[4095], board.flash.bytes[4096]]).toEqual([1, 0xff]);
});
