// Our client against virtual boards in memory: connect, detect, write, verify, read back.
import { expect, test } from "vitest";
import { readFlash } from "../../../host-tools/flash/esp/read.ts";
import { espTargets } from "../../../host-tools/flash/esp/targets-table.ts";
import { FlashWriter } from "../../../host-tools/flash/esp/write.ts";
import { sleep } from "../../../host-tools/serial/clock.ts";
import { isSame, sampleImage, virtualBench } from "../../support/bench.ts";

test.each(espTargets.map(({ id }) => id))("%s: write, verify, read back", async (id) => {
  const bench = virtualBench(id);
  await bench.clock.run(
    (async () => {
      const session = await bench.connect();
      expect(session.target.id).toBe(id);
      expect(session.isStub).toBe(true);
      expect(await session.mac()).toBe("24:0a:c4:00:01:10");
      expect(await session.flashSize()).toBe(4 << 20);
      const bytes = sampleImage(100_001, 7);
      const writer = new FlashWriter(session, undefined, { reconnect: () => bench.connect() });
      const region = { offset: 0x10000, bytes, name: "app.bin" };
      const report = await writer.write([region], 4 << 20);
      expect(report).toMatchObject({ regionBytes: 100_001, recoveries: 0, skippedBytes: 0 });
      expect(isSame(await readFlash(session, 0x10000, bytes.length), bytes)).toBe(true);
      await session.hardReset();
      await sleep(bench.clock, 10);
      await session.close();
    })(),
  );
  expect(bench.board.mode).toBe("app");
  expect(bench.board.flash.violations).toBe(0);
  const written = bench.board.flash.bytes.subarray(0x10000, 0x10000 + 100_001);
  expect(isSame(written, sampleImage(100_001, 7))).toBe(true);
  expect([...bench.board.flash.touchedSectors].every((s) => s >= 16 && s < 16 + 25)).toBe(true);
});

test("a MAC is read right though every reply arrives twice", async () => {
  for (const { id } of espTargets) {
    let isDoubling = false;
    const { clock, connect } = virtualBench(
      id,
      {},
      {
        fault: (bytes, direction) => {
          const copies = isDoubling && direction === "toHost" ? 2 : 1;
          return Array.from({ length: copies }, () => new Uint8Array(bytes));
        },
      },
    );
    await clock.run(
      (async () => {
        const session = await connect();
        isDoubling = true;
        expect(await session.mac(), id).toBe("24:0a:c4:00:01:10");
        await session.close();
      })(),
    );
  }
});
