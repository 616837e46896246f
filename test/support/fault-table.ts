// Many seeded fault runs into one table: chip by fault, how often verified, how often a typed error.
import { expect } from "vitest";

export interface Cell {
  verified: number;
  errors: number;
  /** Error codes seen. */
  readonly codes: Set<string>;
}

export interface Run {
  readonly outcome: string;
  readonly story: string;
  readonly violations: readonly string[];
}

export interface FaultPlan<Fault extends string> {
  readonly title: string;
  readonly chips: readonly string[];
  readonly faults: readonly Fault[];
  readonly seedsPerCell: number;
  readonly firstSeed: number;
  /** Runs under way at once: 1 in virtual time, more where runs wait for real time. */
  readonly atOnce: number;
  /** Faults that leave no choice of an end. */
  readonly certainEnds: Partial<Record<Fault, string>>;
  /** Share of the runs of a fault, over all chips, that have to be verified: none would prove nothing. */
  readonly verifiedShareMin?: Partial<Record<Fault, number>>;
  run(fault: Fault, seed: number, chip: string): Promise<Run>;
}

/** Runs every cell, asserts that nothing ended wrong and that no cell is empty, prints the table. */
export async function faultTable<Fault extends string>(plan: FaultPlan<Fault>): Promise<number> {
  const cells = new Map<string, Cell>();
  const jobs = plan.chips.flatMap((chip) =>
    plan.faults.flatMap((fault) =>
      Array.from({ length: plan.seedsPerCell }, (_, index) => ({ chip, fault, index })),
    ),
  );
  const startedMs = performance.now();
  let next = 0;
  const worker = async () => {
    for (let at = next++; at < jobs.length; at = next++) {
      const { chip, fault } = jobs[at]!;
      const run = await plan.run(fault, plan.firstSeed + at, chip);
      expect(run.violations, run.story).toEqual([]);
      const certain = plan.certainEnds[fault];
      if (certain) expect(run.outcome, run.story).toBe(certain);
      count(cells, `${chip} ${fault}`, run.outcome);
    }
  };
  await Promise.all(Array.from({ length: plan.atOnce }, worker));
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(0);
  const to = plan.firstSeed + jobs.length - 1;
  const head = `${plan.title}: ${jobs.length} runs, seeds ${plan.firstSeed} to ${to}, ${seconds} s`;
  process.stdout.write(`${head}\n${tableText(plan, cells)}\n`);
  for (const fault of plan.faults) {
    const verified = plan.chips.reduce(
      (sum, chip) => sum + (cells.get(`${chip} ${fault}`)?.verified ?? 0),
      0,
    );
    const min = plan.verifiedShareMin?.[fault] ?? 0;
    const share = verified / (plan.chips.length * plan.seedsPerCell);
    expect(share, `share of runs verified under ${fault}`).toBeGreaterThanOrEqual(min);
  }
  for (const chip of plan.chips) {
    for (const fault of plan.faults) {
      const cell = cells.get(`${chip} ${fault}`);
      expect((cell?.verified ?? 0) + (cell?.errors ?? 0), `${chip} ${fault}`).toBe(
        plan.seedsPerCell,
      );
    }
  }
  return jobs.length;
}

function count(cells: Map<string, Cell>, key: string, outcome: string): void {
  const cell = cells.get(key) ?? { verified: 0, errors: 0, codes: new Set() };
  if (outcome === "verified") cell.verified++;
  else {
    cell.errors++;
    cell.codes.add(outcome);
  }
  cells.set(key, cell);
}

/** "5/1": five runs verified, one ended with a typed error; the last column names the errors. */
function tableText<Fault extends string>(
  plan: FaultPlan<Fault>,
  cells: ReadonlyMap<string, Cell>,
): string {
  const rows = plan.faults.map((fault) => {
    const codes = new Set<string>();
    const columns = plan.chips.map((chip) => {
      const cell = cells.get(`${chip} ${fault}`);
      for (const code of cell?.codes ?? []) codes.add(code);
      return `${cell?.verified ?? 0}/${cell?.errors ?? 0}`.padStart(8);
    });
    return `${fault.padEnd(22)}${columns.join(" ")}  ${[...codes].sort().join(", ")}`.trimEnd();
  });
  const names = plan.chips.map((chip) => chip.padStart(8)).join(" ");
  return [`${"verified/typed error".padEnd(22)}${names}  errors`, ...rows].join("\n");
}
