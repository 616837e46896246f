// Commands carry no checksum: one whose address was damaged on its way does its work elsewhere, and must be found out.
import { expect, test } from "vitest";
import { runFlashJob } from "../../../host-tools/flash/esp/job.ts";
import { op } from "../../../host-tools/flash/esp/protocol.ts";
import { readFlash } from "../../../host-tools/flash/esp/read.ts";
import { isSame, sampleImage, virtualBench } from "../../support/bench.ts";
import { memoryKeeper } from "../../support/memory-keeper.ts";
import { image, neighbourBench, offset } from "../../support/neighbour-bench.ts";

/** A board whose next commands of a kind arrive with `flip` in their first word (an address or an offset). */
function damaging(operation: number, flip: number) {
  let left = 0;
  const bench = virtualBench(
    "esp32c3",
    {},
    {
      fault: (bytes, direction) => {
        const frame = new Uint8Array(bytes);
        if (direction === "toBoard" && frame[2] === operation && left > 0) {
          left--;
          frame[10]! ^= flip;
        }
        return [frame];
      },
    },
  );
  const damageNext = (count: number) => {
    left = count;
  };
  return { ...bench, damageNext };
}

test("what was verified and then hit by a later command is found and written again", async () => {
  for (const hit of [0x20000, 0x21000, 0x23000]) {
    const { board, run, onceErased, expected } = neighbourBench();
    // While the last sector is written, another one of the same job is erased as well.
    onceErased(0x24000, () => board.flash.bytes.fill(0xff, hit, hit + 0x1000));
    const keeper = memoryKeeper();
    const { error, result } = await run({ keeper });
    expect(error).toBeUndefined();
    expect(result).toMatchObject({ hadSilentDamage: true });
    expect(isSame(board.flash.bytes, expected), `hit at ${hit}`).toBe(true);
    expect(keeper.count()).toBe(0);
  }
});

test("so is what was there already and was not written at all", async () => {
  const { clock, board, source } = virtualBench("esp32c3");
  const first = { offset: 0x20000, bytes: sampleImage(8192, 1), name: "a.bin" };
  const second = { offset: 0x30000, bytes: sampleImage(8192, 2), name: "b.bin" };
  board.flash.bytes.set(first.bytes, first.offset);
  const erase = board.flash.erase.bind(board.flash);
  let isHit = false;
  board.flash.erase = (at, size) => {
    if (at === second.offset && !isHit) {
      isHit = true;
      board.flash.bytes.fill(0, first.offset, first.offset + 16);
    }
    return erase(at, size);
  };
  await clock.run(runFlashJob({ source, clock, regions: [first, second] }));
  for (const { offset: at, bytes } of [first, second])
    expect(isSame(board.flash.bytes.subarray(at, at + bytes.length), bytes)).toBe(true);
});

test("damage that comes back each time ends with a typed error, not with a success", async () => {
  const { board, run } = neighbourBench();
  const erase = board.flash.erase.bind(board.flash);
  board.flash.erase = (at, size) => {
    const count = erase(at, size);
    const other = at >= 0x24000 ? 0x21000 : 0x24000;
    board.flash.bytes[other + 100]! ^= 1;
    return count;
  };
  const { error } = await run({ keeper: memoryKeeper() });
  expect(error).toMatchObject({ code: "verify-failed", exitCode: 5 });
});

test("a read that went to another place is not taken for the one that was asked", async () => {
  const { clock, board, connect, damageNext } = damaging(op.readFlash, 0x10);
  board.flash.bytes.set(image, offset);
  await clock.run(
    (async () => {
      const session = await connect();
      damageNext(1);
      expect(isSame(await readFlash(session, offset, image.length), image)).toBe(true);
      await session.close();
    })(),
  );
});

test("a read whose operation code was damaged into an erase erases nothing, as with a real stub", async () => {
  for (const flip of [op.readFlash ^ op.eraseFlash, op.readFlash ^ op.eraseRegion]) {
    let isDone = false;
    const { clock, board, connect } = virtualBench(
      "esp32c3",
      {},
      {
        fault: (bytes, direction) => {
          const frame = new Uint8Array(bytes);
          if (direction === "toBoard" && frame[2] === op.readFlash && !isDone) {
            isDone = true;
            frame[2]! ^= flip;
          }
          return [frame];
        },
      },
    );
    board.flash.bytes.set(image, offset);
    await clock.run(
      (async () => {
        const session = await connect();
        expect(isSame(await readFlash(session, offset, image.length), image)).toBe(true);
        await session.close();
      })(),
    );
    expect(board.flash.touchedSectors.size).toBe(0);
  }
});

test("a MAC is read right though the address of two requests was damaged in the same way", async () => {
  const { clock, connect, damageNext } = damaging(op.readReg, 0x80);
  await clock.run(
    (async () => {
      const session = await connect();
      damageNext(4);
      expect(await session.mac()).toBe("24:0a:c4:00:01:10");
      await session.close();
    })(),
  );
});
