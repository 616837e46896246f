// A thousand seeded fault runs: each ends verified or with a typed error, never with a wrong success.
import { expect, test } from "vitest";
import { certainEnds, faultNames, faultRun } from "../support/fault-run.ts";

const runs = Number(process.env.GODWIT_FAULT_RUNS ?? 1200);
const firstSeed = Number(process.env.GODWIT_SEED ?? 1000);
const chips = ["esp32c3", "esp32", "esp32s3", "esp32c6"];

test(`${runs} runs from seed ${firstSeed}`, async () => {
  const ends = new Map<string, number>();
  for (let index = 0; index < runs; index++) {
    const fault = faultNames[index % faultNames.length]!;
    const chip = chips[Math.floor(index / faultNames.length) % chips.length]!;
    const run = await faultRun(fault, firstSeed + index, chip);
    expect(run.violations, run.story).toEqual([]);
    const end = `${fault}: ${run.outcome}`;
    ends.set(end, (ends.get(end) ?? 0) + 1);
  }
  for (const [fault, outcome] of Object.entries(certainEnds)) {
    const seen = [...ends.keys()].filter((end) => end.startsWith(`${fault}:`));
    expect(seen).toEqual([`${fault}: ${outcome}`]);
  }
  process.stdout.write(`${[...ends].map(([end, count]) => `${count} × ${end}`).join("\n")}\n`);
});
