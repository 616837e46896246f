// Ways of connecting besides the plain one: ROM only, Secure Download Mode, native USB, stub still running.
import { expect, test } from "vitest";
import { demoFirmware } from "../../../host-tools/emulator/bench/demo-firmware.ts";
import { NorFlash } from "../../../host-tools/emulator/bench/nor-flash.ts";
import { parseImage } from "../../../host-tools/flash/esp/image.ts";
import { runFlashJob } from "../../../host-tools/flash/esp/job.ts";
import { readFlash } from "../../../host-tools/flash/esp/read.ts";
import type { FlashRegion } from "../../../host-tools/flash/esp/regions.ts";
import { espTargets } from "../../../host-tools/flash/esp/targets-table.ts";
import { sleep } from "../../../host-tools/serial/clock.ts";
import { isSame, sampleImage, virtualBench } from "../../support/bench.ts";

const region = (size: number): FlashRegion => ({
  offset: 0x20000,
  bytes: sampleImage(size, 4),
  name: "app.bin",
});

test.each(espTargets.map(({ id }) => id))("%s without a stub: write, verify, read", async (id) => {
  const { clock, board, source } = virtualBench(id);
  const regions = [region(9000)];
  const result = await clock.run(
    runFlashJob({ source, clock, regions, useStub: false, readBack: true }),
  );
  expect(result).toMatchObject({ chip: id, isStub: false, recoveries: 0, hadSilentDamage: false });
  const written = board.flash.bytes.subarray(0x20000, 0x20000 + 9000);
  expect(isSame(written, regions[0]!.bytes)).toBe(true);
});

test("uncompressed writing, with stub and without", async () => {
  for (const useStub of [true, false]) {
    const { clock, board, source } = virtualBench("esp32c6");
    const regions = [region(20_000)];
    await clock.run(runFlashJob({ source, clock, regions, useStub, isCompressed: false }));
    const written = board.flash.bytes.subarray(0x20000, 0x20000 + 20_000);
    expect(isSame(written, regions[0]!.bytes)).toBe(true);
  }
});

test("Secure Download Mode: what it forbids is refused with the reason", async () => {
  const { clock, board, connect } = virtualBench("esp32s3", { securityFlags: 5 });
  await clock.run(
    (async () => {
      const session = await connect();
      expect(session.security).toMatchObject({ isSecureDownload: true, isSecureBoot: true });
      expect(await session.mac()).toBeUndefined();
      for (const forbidden of [session.eraseAll(), readFlash(session, 0, 64)]) {
        await expect(forbidden).rejects.toMatchObject({ code: "secure-download", exitCode: 2 });
      }
      await session.close();
    })(),
  );
  expect(board.flash.touchedSectors.size).toBe(0);
});

test("a job on a chip in Secure Download Mode is refused before anything is written", async () => {
  const { clock, board, source } = virtualBench("esp32s3", { securityFlags: 4 });
  const job = runFlashJob({ source, clock, regions: [region(5000)] });
  await expect(clock.run(job)).rejects.toMatchObject({ code: "secure-download" });
  expect(board.flash.touchedSectors.size).toBe(0);
});

test("native USB: entered through its own sequence, reset at the end", async () => {
  const { clock, board, source } = virtualBench("esp32c3", {
    isUsbJtag: true,
    usb: { vendorId: 0x303a, productId: 0x1001, serialNumber: "24:0A:C4:00:01:10" },
  });
  const result = await clock.run(runFlashJob({ source, clock, regions: [region(5000)] }));
  expect(result.wasReset).toBe(true);
  expect(board.boots.at(-1)).toBe("app");
});

test("native USB: the watchdog that keeps running is stopped before it bites", async () => {
  for (const id of ["esp32c3", "esp32s3", "esp32c6", "esp32h2", "esp32c5", "esp32p4"]) {
    const { clock, source } = virtualBench(id, {
      isUsbJtag: true,
      usb: { vendorId: 0x303a, productId: 0x1001 },
      watchdogMs: 1500,
    });
    const result = await clock.run(
      runFlashJob({ source, clock, regions: [region(200_000)], baud: 115_200 }),
    );
    expect(result.recoveries, id).toBe(0);
    expect(result.elapsedMs).toBeGreaterThan(1500);
  }
});

test("USB-OTG: blocks fit its small buffers", async () => {
  const largest = { bytes: 0 };
  const { clock, source } = virtualBench(
    "esp32s3",
    { usb: { vendorId: 0x303a, productId: 9 } },
    {
      fault: (bytes, direction) => {
        if (direction === "toBoard") largest.bytes = Math.max(largest.bytes, bytes.length);
        return [bytes];
      },
    },
  );
  await clock.run(runFlashJob({ source, clock, regions: [region(50_000)] }));
  expect(largest.bytes).toBeGreaterThan(0x800);
  expect(largest.bytes).toBeLessThan(2 * 0x800);
});

test("a stub that still runs is used, not loaded again", async () => {
  const { clock, board, connect } = virtualBench("esp32c3");
  const noReset = { name: "none", steps: [] };
  await clock.run(
    (async () => {
      await (await connect({ baud: 115_200 })).close();
      const resets = board.boots.length;
      const session = await connect({ baud: 115_200, resetSequence: noReset });
      expect(session.isStub).toBe(true);
      expect(board.boots.length).toBe(resets);
      await session.close();
    })(),
  );
});

test("what is there already is skipped; a small change costs a small write", async () => {
  const { clock, board, source } = virtualBench("esp32c3");
  const bytes = sampleImage(300_000, 8);
  const offset = 0x20000;
  const job = (content: Uint8Array) =>
    clock.run(runFlashJob({ source, clock, regions: [{ offset, bytes: content, name: "a" }] }));
  const first = await job(bytes);
  expect(first.skippedBytes).toBe(0);
  const erases = board.flash.erases;
  const again = await job(bytes);
  expect(again).toMatchObject({ writtenBytes: 0, sentBytes: 0 });
  expect(board.flash.erases).toBe(erases);
  const changed = new Uint8Array(bytes);
  changed[200_000]! ^= 0xff;
  const third = await job(changed);
  expect(third.writtenBytes).toBe(64 * 1024);
  expect(board.flash.bytes[offset + 200_000]).toBe(changed[200_000]);
});

test("the flash size of the board goes into the bootloader's header, with a digest that matches", async () => {
  const { clock, board, source } = virtualBench("esp32c3", { flash: new NorFlash(8 << 20) });
  const regions = demoFirmware(board.target);
  await clock.run(runFlashJob({ source, clock, regions, setsDetectedSize: true }));
  const image = parseImage(board.flash.bytes.subarray(0, 0x8000), "bootloader");
  expect(image).toMatchObject({ flashSizeMegabytes: 8, hasSha256: true });
});

test("header settings without the bootloader they belong into are refused, flash untouched", async () => {
  for (const settings of [
    { settings: { sizeMegabytes: 4 } },
    { settings: { mode: "dio" } },
    { setsDetectedSize: true },
  ]) {
    const { clock, board, source } = virtualBench("esp32c3");
    const regions = demoFirmware(board.target).slice(1);
    const job = clock.run(runFlashJob({ source, clock, regions, ...settings }));
    await expect(job).rejects.toMatchObject({
      code: "bad-input",
      message: expect.stringContaining("no bootloader is among the files"),
      hint: expect.stringContaining("bootloader.bin@0x0"),
    });
    expect(board.flash.touchedSectors.size).toBe(0);
    // Refused, the board is left as it was: running its application.
    await clock.run(sleep(clock, 100));
    expect(board.mode).toBe("app");
  }
});

test("the board's table is asked with a stub and without one: what is too large erases nothing", async () => {
  for (const useStub of [true, false]) {
    const { clock, board, source } = virtualBench("esp32c3");
    for (const { offset, bytes } of demoFirmware(board.target))
      board.flash.bytes.set(bytes, offset);
    const regions = [{ offset: 0x10000, bytes: sampleImage((1 << 20) + 256, 5), name: "big.bin" }];
    const job = clock.run(runFlashJob({ source, clock, regions, useStub }));
    await expect(job).rejects.toMatchObject({
      code: "does-not-fit",
      message: expect.stringContaining("partition 'app0'"),
    });
    expect(board.flash.touchedSectors.size).toBe(0);
  }
});

test("neighbours in the same sector keep their content", async () => {
  const { clock, board, source } = virtualBench("esp32c3");
  board.flash.bytes.fill(0x5a);
  const regions = [
    { offset: 0x11010, bytes: sampleImage(100, 1), name: "a" },
    { offset: 0x11200, bytes: sampleImage(0x1000, 2), name: "b" },
  ];
  await clock.run(runFlashJob({ source, clock, regions }));
  const expected = new Uint8Array(board.flash.bytes.length).fill(0x5a);
  for (const { offset, bytes } of regions) expected.set(bytes, offset);
  expect(isSame(board.flash.bytes, expected)).toBe(true);
});

test("the wrong chip, the wrong board and a worn flash each end with their own error", async () => {
  const run = (chip: string, extra: object) => {
    const { clock, board, source } = virtualBench(chip);
    const work = clock.run(runFlashJob({ source, clock, regions: [region(5000)], ...extra }));
    return { work, board };
  };
  const wrongChip = run("esp32c3", { expectChip: "esp32s3" });
  await expect(wrongChip.work).rejects.toMatchObject({ code: "wrong-board", exitCode: 3 });
  const wrongMac = run("esp32c3", { expectMac: "00:00:00:00:00:01" });
  await expect(wrongMac.work).rejects.toMatchObject({ code: "wrong-board" });
  expect(wrongMac.board.flash.touchedSectors.size).toBe(0);
  const worn = virtualBench("esp32c3");
  const { flash } = worn.board;
  const program = flash.program.bind(flash);
  // One cell that stays 0 whatever is written.
  flash.program = (offset, data) => {
    program(offset, data);
    flash.bytes[0x20010] = 0;
  };
  const { clock, source } = worn;
  const job = runFlashJob({ source, clock, regions: [region(5000)] });
  await expect(clock.run(job)).rejects.toMatchObject({ code: "verify-failed", exitCode: 5 });
});

test("the line is used fully: a write takes what its bytes take at 921600 baud", async () => {
  const { clock, wire, connect } = virtualBench("esp32c3");
  await clock.run(
    (async () => {
      const session = await connect({ baud: 921_600 });
      const before = { ms: clock.nowMs(), wireMs: wire.traffic.wireMs };
      const { FlashWriter } = await import("../../../host-tools/flash/esp/write.ts");
      const writer = new FlashWriter(session, undefined, { reconnect: () => connect() });
      await writer.write([{ offset: 0, bytes: sampleImage(1 << 18, 1), name: "a" }], 4 << 20);
      const tookMs = clock.nowMs() - before.ms;
      expect(tookMs / (wire.traffic.wireMs - before.wireMs)).toBeLessThan(1.03);
      await session.close();
    })(),
  );
});
