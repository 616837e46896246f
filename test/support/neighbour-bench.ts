// A virtual board full of 0x5A and a job whose first and last sector hold neighbours; power goes where a test says.
import { type FlashJob, runFlashJob } from "../../host-tools/flash/esp/job.ts";
import { sampleImage, virtualBench } from "./bench.ts";

export const offset = 0x20010;
export const image = sampleImage(20_000, 5);
const region = { offset, bytes: image, name: "app.bin" };
/** The shared sectors: where neighbours are. */
export const shared = [0x20000, 0x24000];

export function neighbourBench() {
  const made = virtualBench("esp32c3");
  made.board.flash.bytes.fill(0x5a);
  const expected = new Uint8Array(made.board.flash.bytes);
  expected.set(image, offset);
  const run = (extra: Partial<FlashJob>) => {
    const { clock, source } = made;
    const job = runFlashJob({ source, clock, regions: [region], ...extra });
    return made.clock.run(job).then(
      (result) => ({ result, error: undefined }),
      (error: unknown) => ({ result: undefined, error }),
    );
  };
  /** Does something right after the sector at `at` was erased, once. */
  const onceErased = (at: number, action: () => void) => {
    const { flash } = made.board;
    const erase = flash.erase.bind(flash);
    let isDone = false;
    flash.erase = (from, size) => {
      const count = erase(from, size);
      if (!isDone && from <= at && at < from + size) {
        isDone = true;
        made.clock.after(0, action);
      }
      return count;
    };
  };
  return { ...made, expected, run, onceErased };
}
