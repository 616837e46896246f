// Two boards that swap behind one port name in the middle of a job: the second one is left alone.
import { expect, test } from "vitest";
import { EspBoard } from "../../../host-tools/emulator/bench/esp-board.ts";
import { NorFlash } from "../../../host-tools/emulator/bench/nor-flash.ts";
import { VirtualClock } from "../../../host-tools/emulator/bench/virtual-clock.ts";
import { Wire, type WireFault } from "../../../host-tools/emulator/bench/wire.ts";
import { type FlashJob, runFlashJob } from "../../../host-tools/flash/esp/job.ts";
import { op } from "../../../host-tools/flash/esp/protocol.ts";
import { targetById } from "../../../host-tools/flash/esp/targets-table.ts";
import { memorySource } from "../../../host-tools/serial/memory.ts";
import { sampleImage } from "../../support/bench.ts";

const ballast = new Uint8Array(1 << 20).fill(0x5a);

/** Swaps the boards when `when` says so, and runs the job. */
async function swapped(
  when: "loadStub" | "onChip" | "compare" | "readBack",
  extra: Partial<FlashJob> = {},
) {
  const clock = new VirtualClock();
  let active = 0;
  const fault: WireFault = (bytes) => {
    if (when === "loadStub" && bytes[2] === op.memBegin) clock.after(0, () => swap());
    return [new Uint8Array(bytes)];
  };
  const wires = [1, 2].map((id) => {
    const flash = new NorFlash(1 << 20, ballast);
    const mac = Uint8Array.of(2, 0, 0, 0, 0, id);
    const board = new EspBoard({ target: targetById("esp32c3")!, clock, flash, mac });
    return new Wire(board, { clock, fault });
  });
  const swap = () => {
    if (active === 1) return;
    active = 1;
    wires[0]!.unplug();
  };
  const seen: (string | undefined)[] = [];
  const job = runFlashJob({
    source: memorySource("memory:board", () => wires[active]!),
    clock,
    regions: [{ offset: 0x20000, bytes: sampleImage(30_000, 2), name: "app.bin" }],
    onChip: ({ mac }) => {
      seen.push(mac);
      if (when === "onChip") swap();
    },
    onProgress: ({ phase }) => {
      if (when === "compare" && phase === "compare") swap();
      if (when === "readBack" && phase === "verify") swap();
    },
    ...extra,
  });
  const error = await clock.run(job).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  const second = wires[1]!.board as EspBoard;
  return { error, seen, isTouched: second.flash.touchedSectors.size > 0 };
}

test.each([
  ["while the stub is loaded", "loadStub", {}],
  ["before the table is read", "onChip", {}],
  ["before everything is erased", "onChip", { eraseAll: true }],
  ["before comparing", "compare", {}],
  ["before reading back", "readBack", { readBack: true }],
] as const)("a board swapped %s ends the job", async (_, when, extra) => {
  const { error, seen, isTouched } = await swapped(when, extra);
  expect(error).toMatchObject({
    code: "wrong-board",
    message: expect.stringContaining("02:00:00:00:00:02 instead of 02:00:00:00:00:01"),
    hint: expect.stringContaining("ports change names"),
  });
  expect(seen).toEqual(when === "loadStub" ? [] : ["02:00:00:00:00:01"]);
  expect(isTouched).toBe(false);
});
