// The final read-back outlives a pulled plug, and notices another board, a worn cell and Ctrl-C.
import { expect, test } from "vitest";
import type { Wire } from "../../../host-tools/emulator/bench/wire.ts";
import { type FlashJob, runFlashJob } from "../../../host-tools/flash/esp/job.ts";
import { op, wordAt } from "../../../host-tools/flash/esp/protocol.ts";
import { sleep } from "../../../host-tools/serial/clock.ts";
import { sampleImage, virtualBench } from "../../support/bench.ts";

const offset = 0x20000;
const bytes = sampleImage(200 * 1024, 6);
/** Within the third piece of four. */
const breakAt = offset + 2 * 64 * 1024;

/** Runs a job with read-back; does something when the read of the third piece is asked for, `times` times. */
async function readingBack(
  action: (wire: Wire, after: (ms: number, call: () => void) => void) => void,
  extra: Partial<FlashJob> = {},
  times = 1,
) {
  let left = times;
  const reads: number[] = [];
  const bench = virtualBench(
    "esp32c3",
    {},
    {
      fault: (frame, direction) => {
        if (direction === "toBoard" && frame[2] === op.readFlash) {
          const at = wordAt(frame, 9);
          reads.push(at);
          if (at === breakAt && left-- > 0) {
            bench.clock.after(0, () =>
              action(bench.wire, (ms, call) => bench.clock.after(ms, call)),
            );
          }
        }
        return [new Uint8Array(frame)];
      },
    },
  );
  const { clock, source, board } = bench;
  const regions = [{ offset, bytes, name: "app.bin" }];
  const job = runFlashJob({ source, clock, regions, readBack: true, ...extra });
  const [result, error] = await clock.run(job).then(
    (done) => [done, undefined],
    (thrown: unknown) => [undefined, thrown],
  );
  return { result, error, reads, board, clock };
}

const outAndIn = (wire: Wire, after: (ms: number, call: () => void) => void) => {
  wire.unplug();
  after(800, () => wire.plug());
};

test("a plug pulled and put back during the read-back: the job goes on where it was", async () => {
  const { error, result, reads, board, clock } = await readingBack(outAndIn);
  expect(error).toBeUndefined();
  expect(result).toMatchObject({ recoveries: 1, wasReset: true });
  const pieces = reads.filter((at) => at >= offset).map((at) => (at - offset) / (64 * 1024));
  expect(pieces).toEqual([0, 1, 2, 2, 3]);
  await clock.run(sleep(clock, 100));
  expect(board.mode).toBe("app");
});

test("a plug pulled again and again, and one pulled for good, end with a typed error", async () => {
  const again = await readingBack(outAndIn, {}, Number.POSITIVE_INFINITY);
  expect(again.error).toMatchObject({ code: "port-gone", exitCode: 4 });
  const gone = await readingBack((wire) => wire.unplug());
  expect(gone.error).toMatchObject({ code: "no-device", exitCode: 3, hint: expect.any(String) });
});

test("a cell that changes after the checksum is told by its place", async () => {
  const { clock, source, board } = virtualBench("esp32c3");
  const regions = [{ offset, bytes, name: "app.bin" }];
  const onProgress: FlashJob["onProgress"] = ({ phase, doneBytes }) => {
    if (phase === "read" && doneBytes === 2 * 64 * 1024) board.flash.bytes[breakAt + 5]! ^= 1;
  };
  const job = runFlashJob({ source, clock, regions, readBack: true, onProgress });
  await expect(clock.run(job)).rejects.toMatchObject({
    code: "verify-failed",
    message: "app.bin differs at 0x40005",
  });
});

test("Ctrl-C during the read-back says that everything is written", async () => {
  const controller = new AbortController();
  const { error } = await readingBack(() => controller.abort(), { signal: controller.signal });
  expect(error).toMatchObject({
    code: "interrupted",
    exitCode: 130,
    message: "interrupted: everything is written and verified, but not read back to the end",
  });
});
