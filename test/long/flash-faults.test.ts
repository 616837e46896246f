// A thousand seeded fault runs in virtual time: each ends verified or with a typed error, never with a wrong success.
import { expect, test } from "vitest";
import { benchChips } from "../../host-tools/emulator/bench/serve.ts";
import { faultRun } from "../support/fault-run.ts";
import { certainEnds, faultNames, verifiedShareMin } from "../support/fault-run-table.ts";
import { faultTable } from "../support/fault-table.ts";
import {
  picoCertainEnds,
  picoChips,
  picoFaultNames,
  picoFaultRun,
} from "../support/pico-fault-run.ts";

const seedsPerCell = Number(process.env.GODWIT_FAULT_SEEDS ?? 6);
const firstSeed = Number(process.env.GODWIT_SEED ?? 1000);

test("every chip under every fault, in memory", async () => {
  const runs = await faultTable({
    title: "in memory",
    chips: benchChips,
    faults: faultNames,
    seedsPerCell,
    firstSeed,
    atOnce: 1,
    certainEnds,
    verifiedShareMin,
    run: (fault, seed, chip) => faultRun(fault, seed, chip, "memory"),
  });
  if (seedsPerCell >= 6) expect(runs).toBeGreaterThanOrEqual(1000);
});

test("RP2040 and RP2350 under every fault of a drive, port in memory", async () => {
  await faultTable({
    title: "BOOTSEL drives, port in memory",
    chips: picoChips,
    faults: picoFaultNames,
    seedsPerCell,
    firstSeed,
    atOnce: 1,
    certainEnds: picoCertainEnds,
    run: (fault, seed, chip) => picoFaultRun(fault, seed, chip, "memory"),
  });
});
