// Ctrl-C while a port is opened or hangs: the wait ends, the port is closed, the board goes on.
import { expect, test } from "vitest";
import { type FlashJob, runFlashJob } from "../../../host-tools/flash/esp/job.ts";
import { EspSession } from "../../../host-tools/flash/esp/session.ts";
import { espTargets } from "../../../host-tools/flash/esp/targets-table.ts";
import { sleep } from "../../../host-tools/serial/clock.ts";
import { DeviceError } from "../../../host-tools/serial/error.ts";
import type { PortSource } from "../../../host-tools/serial/port.ts";
import { isSame, prng, sampleImage, virtualBench } from "../../support/bench.ts";
import { memoryKeeper } from "../../support/memory-keeper.ts";

const interrupted = {
  code: "interrupted",
  exitCode: 130,
  message: "interrupted: nothing was changed",
};

test("a port that opens after all is closed again, and nothing was said to it", async () => {
  const { clock, board, source } = virtualBench("esp32c3");
  const controller = new AbortController();
  let isOpened = false;
  let isClosed = false;
  const slow: PortSource = {
    address: source.address,
    open: async (baud, events) => {
      clock.after(10, () => controller.abort());
      await sleep(clock, 3000);
      const port = await source.open(baud, events);
      isOpened = true;
      const close = async () => {
        isClosed = true;
        await port.close();
      };
      return { ...port, close };
    },
  };
  const startedMs = clock.nowMs();
  const connecting = EspSession.connect({ source: slow, clock, signal: controller.signal });
  await expect(clock.run(connecting)).rejects.toMatchObject(interrupted);
  expect(clock.nowMs() - startedMs).toBeLessThan(100);
  await clock.run(sleep(clock, 4000));
  expect([isOpened, isClosed]).toEqual([true, true]);
  expect(board.boots).toHaveLength(1);
});

test("a signal that was there before opens no port at all", async () => {
  const { clock, source } = virtualBench("esp32c3");
  let opens = 0;
  const counting: PortSource = {
    address: source.address,
    open: (baud, events) => {
      opens++;
      return source.open(baud, events);
    },
  };
  const connecting = EspSession.connect({ source: counting, clock, signal: AbortSignal.abort() });
  await expect(clock.run(connecting)).rejects.toMatchObject(interrupted);
  expect(opens).toBe(0);
});

test("a port that hangs and fails is told as the interrupt, without another attempt", async () => {
  const { clock, source } = virtualBench("esp32c3");
  const controller = new AbortController();
  let plays = 0;
  const hanging: PortSource = {
    address: source.address,
    open: async (baud, events) => {
      const port = await source.open(baud, events);
      port.setLines = async () => {
        plays++;
        controller.abort();
        await sleep(clock, 5000);
        throw new DeviceError("no-reply", "the server went silent");
      };
      return port;
    },
  };
  const connecting = EspSession.connect({ source: hanging, clock, signal: controller.signal });
  await expect(clock.run(connecting)).rejects.toMatchObject(interrupted);
  // Once into the bootloader, once out of it.
  expect(plays).toBe(2);
});

test("interrupted in its bootloader, a board goes back to its application", async () => {
  const { clock, board, source } = virtualBench("esp32c3");
  const controller = new AbortController();
  const connecting = EspSession.connect({ source, clock, signal: controller.signal });
  const watch = () => {
    if (board.mode === "app") clock.after(1, watch);
    else controller.abort();
  };
  watch();
  await expect(clock.run(connecting)).rejects.toMatchObject(interrupted);
  await clock.run(sleep(clock, 100));
  expect(board.mode).toBe("app");
});

test("Ctrl-C while the plug is out after an erase of everything: the erase is told", async () => {
  const { clock, board, source, wire } = virtualBench("esp32c3");
  const controller = new AbortController();
  const erase = board.flash.erase.bind(board.flash);
  board.flash.erase = (offset, size) => {
    clock.after(0, () => wire.unplug());
    clock.after(2000, () => controller.abort());
    return erase(offset, size);
  };
  const regions = [{ offset: 0x20000, bytes: sampleImage(9000, 1), name: "app.bin" }];
  const { signal } = controller;
  const job = runFlashJob({ source, clock, regions, eraseAll: true, signal });
  await expect(clock.run(job)).rejects.toMatchObject({
    code: "interrupted",
    message: expect.stringContaining("the erase had begun"),
  });
});

test("Ctrl-C before the first write, or in the read-back, leaves the board running", async () => {
  for (const [when, phase] of [
    ["compare", "compare"],
    ["read back", "read"],
  ] as const) {
    const { clock, board, source } = virtualBench("esp32c3");
    const controller = new AbortController();
    const job = runFlashJob({
      source,
      clock,
      regions: [{ offset: 0x20000, bytes: sampleImage(90_000, 1), name: "app.bin" }],
      readBack: true,
      signal: controller.signal,
      onProgress: (progress) => {
        if (progress.phase === phase) controller.abort();
      },
    });
    await expect(clock.run(job), when).rejects.toMatchObject({ code: "interrupted" });
    await clock.run(sleep(clock, 100));
    expect(board.mode, when).toBe("app");
  }
});

const rounds = Number(process.env.GODWIT_INTERRUPTS ?? 40);
const firstSeed = Number(process.env.GODWIT_SEED ?? 1);

test(`Ctrl-C at any moment, with and without a pulled plug: the next run completes (${rounds} seeds)`, async () => {
  const ends = new Map<string, number>();
  for (let seed = firstSeed; seed < firstSeed + rounds; seed++) {
    const next = prng(seed);
    // Slow flash: most of the time is spent where neighbours are away.
    const timing = { eraseMsPerSector: 200, programMsPerKilobyte: 20, md5MsPerKilobyte: 0 };
    const { clock, board, source, wire } = virtualBench(espTargets[seed % espTargets.length]!.id, {
      timing,
    });
    const bytes = sampleImage(6000, seed);
    const regions = [{ offset: 0x20010, bytes, name: "app.bin" }];
    board.flash.bytes.fill(0x5a);
    const expected = new Uint8Array(board.flash.bytes);
    expected.set(bytes, 0x20010);
    const keeper = memoryKeeper();
    const ways = { readBack: seed % 3 === 0, useStub: seed % 5 > 0, isCompressed: seed % 7 > 0 };
    const job: FlashJob = { source, clock, regions, keeper, ...ways };
    const controller = new AbortController();
    clock.after(next() % 3500, () => controller.abort());
    if (seed % 2 === 0) {
      const outMs = next() % 3500;
      clock.after(outMs, () => wire.unplug());
      clock.after(outMs + (next() % 5000), () => wire.plug());
    }
    const first = runFlashJob({ ...job, signal: controller.signal });
    const end = await clock.run(first).then(
      () => "verified",
      (error) => `${error.code} ${error.exitCode} ${error.hint ? "" : "without a hint"}`.trim(),
    );
    ends.set(end, (ends.get(end) ?? 0) + 1);
    await clock.run(sleep(clock, 8000));
    await clock.run(runFlashJob(job));
    expect(isSame(board.flash.bytes, expected), `seed ${seed}: ${end}`).toBe(true);
    expect([keeper.count(), keeper.aside()], `seed ${seed}: ${end}`).toEqual([0, 0]);
  }
  expect([...ends.keys()].filter((end) => end !== "verified" && end !== "interrupted 130")).toEqual(
    [],
  );
  expect(ends.get("interrupted 130")).toBeGreaterThan(rounds / 4);
});
