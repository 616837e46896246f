// The same faults over RFC 2217 on loopback sockets in real time, and the served bench under each fault it can name.
import { test } from "vitest";
import { type BenchFault, benchFaults } from "../../host-tools/emulator/bench/bench-faults.ts";
import { demoFirmware } from "../../host-tools/emulator/bench/demo-firmware.ts";
import { benchChips, serveVirtualBoard } from "../../host-tools/emulator/bench/serve.ts";
import { runFlashJob } from "../../host-tools/flash/esp/job.ts";
import { targetById } from "../../host-tools/flash/esp/targets-table.ts";
import { realClock } from "../../host-tools/serial/clock.ts";
import { isDeviceError } from "../../host-tools/serial/error.ts";
import { rfc2217Source } from "../../host-tools/serial/rfc2217.ts";
import { isSame } from "../support/bench.ts";
import { faultRun } from "../support/fault-run.ts";
import { certainEnds, faultNames, verifiedShareMin } from "../support/fault-run-table.ts";
import { faultTable, type Run } from "../support/fault-table.ts";
import {
  picoCertainEnds,
  picoChips,
  picoFaultNames,
  picoFaultRun,
} from "../support/pico-fault-run.ts";
import { quietBoard } from "../support/quiet-board.ts";

const firstSeed = Number(process.env.GODWIT_SEED ?? 5000);

test.concurrent("every chip under every fault, over RFC 2217", async () => {
  await faultTable({
    title: "over RFC 2217",
    chips: benchChips,
    faults: faultNames,
    seedsPerCell: 1,
    firstSeed,
    atOnce: 16,
    certainEnds,
    verifiedShareMin,
    run: (fault, seed, chip) => faultRun(fault, seed, chip, "rfc2217"),
  });
});

test.concurrent("RP2040 and RP2350 under every fault of a drive, port over RFC 2217", async () => {
  await faultTable({
    title: "BOOTSEL drives, port over RFC 2217",
    chips: picoChips,
    faults: picoFaultNames,
    seedsPerCell: 1,
    firstSeed,
    atOnce: 16,
    certainEnds: picoCertainEnds,
    run: (fault, seed, chip) => picoFaultRun(fault, seed, chip, "rfc2217"),
  });
});

const values: Readonly<Record<BenchFault, number>> = {
  drop: 0.01,
  duplicate: 0.05,
  corrupt: 0.01,
  split: 0.5,
  unplug: 0.03,
  "wrong-serial": 0.03,
  swap: 0.1,
  "slow-erase": 20,
  "slow-reset": 200,
  stuck: 2,
};

test.concurrent("every fault that godwit bench virtual names", async () => {
  await faultTable({
    title: "godwit bench virtual --fault",
    chips: ["esp32c3"],
    faults: Object.keys(benchFaults) as BenchFault[],
    seedsPerCell: 2,
    firstSeed,
    atOnce: 10,
    certainEnds: {
      split: "verified",
      "slow-erase": "verified",
      "slow-reset": "verified",
      stuck: "verified",
      swap: "wrong-board",
    },
    verifiedShareMin: { drop: 0.5, duplicate: 0.5, corrupt: 0.5 },
    run: servedRun,
  });
});

async function servedRun(fault: BenchFault, seed: number, chip: string): Promise<Run> {
  const served = await serveVirtualBoard({
    ...quietBoard,
    chip,
    faults: { [fault]: values[fault] },
    seed,
  });
  const regions = demoFirmware(targetById(chip)!);
  const violations: string[] = [];
  let outcome = "verified";
  try {
    const source = rfc2217Source(served.url);
    const expectMac = "24:0a:c4:00:01:10";
    const readBack = seed % 2 === 1;
    await runFlashJob({ source, clock: realClock, regions, expectMac, readBack });
    const isWritten = regions.every(({ offset, bytes }) =>
      isSame(served.board.flash.bytes.subarray(offset, offset + bytes.length), bytes),
    );
    if (!isWritten) violations.push("wrong success");
  } catch (error) {
    if (!isDeviceError(error)) throw error;
    outcome = error.code;
    if (!error.hint) violations.push("error without a hint");
  } finally {
    await served.close();
  }
  return { outcome, violations, story: `${chip} ${fault} seed ${seed}: ${outcome}` };
}
