// A run of boards over virtual days against a hub, through everything that can happen; then: is all as it must be?
import { setImmediate as breathe } from "node:timers/promises";
import type { LogLevel } from "../../firmware/ports/log.ts";
import type { Hub } from "../hub/core/hub.ts";
import { groupCredentials } from "./provision.ts";
import { nodeDigestPort } from "./real-platform.ts";
import { type Rates, Scenario, type ScenarioCounters } from "./scenario.ts";
import type { SeededRandom } from "./seeded-random.ts";
import type { BoardMaker, VirtualBoard } from "./virtual-board.ts";
import { checkHeap, checkTwin, checkWire } from "./virtual-checks.ts";
import { Witness } from "./witness.ts";
import { World } from "./world.ts";
import { createWorldHub, worldDpsHost } from "./world-hub.ts";

const hourMs = 3_600_000;
const dayMs = 86_400_000;
/**
 * Good times at the end, as many as it takes: a device that waits for a person (refused identity) tries again within
 * 75 minutes.
 */
const settlingMs = { step: 10 * 60_000, max: 3 * hourMs };
/** End of the day whose heap later days are held against. */
const heapDay = 2;

export interface VirtualRunOptions {
  seed: number;
  days: number;
  boards: number;
  /** Boards are called `<name>-1`, `<name>-2`… */
  name: string;
  makeBoard: BoardMaker;
  rates?: Partial<Rates>;
  /** Next desired properties of a board; default: numbers that it reports as writable, one up or back. */
  nextDesired?: (
    id: string,
    random: SeededRandom,
    hub: Hub,
  ) => Readonly<Record<string, unknown>> | undefined;
  /** Method that the service calls. */
  method?: string;
  onLog?: (board: string, level: LogLevel, text: string, atMs: number) => void;
  onDay?: (report: DayReport) => void;
  onTrace?: (line: string) => void;
}

export interface DayReport {
  day: number;
  connected: number;
  d2cAcked: number;
  speedup: number;
}

export interface RunSummary extends ScenarioCounters {
  seed: number;
  days: number;
  /** Less than `days` in a run that was interrupted, more where boards took time to settle. */
  daysRun: number;
  boards: number;
  /** Boards that are connected at the end. */
  connected: number;
  d2cAcked: number;
  d2cBytes: number;
  duplicates: number;
  twinPatches: number;
  methods: number;
  connects: number;
  renewals: number;
  /** Broken invariants, one line each. */
  violations: string[];
  errors: number;
  traceHash: string;
  /** Running heap of the last board at the end of day 2 and of the last day, bytes; XS only. */
  heapBytes: number[];
  speedup: number;
}

export class VirtualRun {
  readonly world: World;
  readonly hub: Hub;
  readonly witness = new Witness();
  readonly boards: readonly VirtualBoard[];
  readonly #options: VirtualRunOptions;
  readonly #heapBytes: number[] = [];
  readonly #startedMs = performance.now();
  #errors = 0;

  constructor(options: VirtualRunOptions) {
    this.#options = options;
    const { seed, onTrace } = options;
    this.world = new World({ seed, ...(onTrace && { onTrace }) });
    this.world.network.tap = this.witness;
    this.hub = createWorldHub(this.world);
    this.hub.events.subscribe((event) => {
      if (event.source === "Telemetry") this.witness.of(event.origin.deviceId).stored(event);
    });
    this.boards = this.#makeBoards();
  }

  /** Runs to the end, or until `signal` is aborted. */
  async run(signal?: AbortSignal): Promise<RunSummary> {
    const { days, method, rates } = this.#options;
    for (const board of this.boards) board.powerOn();
    const scenario = new Scenario({
      world: this.world,
      hub: this.hub,
      boards: this.boards,
      witness: this.witness,
      // The last board keeps its power, so that its heap has days to grow.
      steadyAfterMs: (heapDay - 0.5) * dayMs,
      nextDesired: (id, random) => this.#nextDesired(id, random),
      ...(rates && { rates }),
      ...(method !== undefined && { method }),
    });
    await this.#runUntil(days * dayMs, signal);
    scenario.end();
    await this.#settle(signal);
    return this.#summary(scenario.counters, signal?.aborted ?? false);
  }

  async #settle(signal: AbortSignal | undefined): Promise<void> {
    const { clock } = this.world;
    const endMs = clock.nowMs + settlingMs.max;
    do {
      await this.#runUntil(clock.nowMs + settlingMs.step, signal);
    } while (clock.nowMs < endMs && !signal?.aborted && this.#check().violations.length > 0);
  }

  /** In steps of an hour: between them promises run (answers to method calls) and the process stays responsive. */
  async #runUntil(endMs: number, signal: AbortSignal | undefined): Promise<void> {
    const { clock } = this.world;
    while (clock.nowMs < endMs && !signal?.aborted) {
      const nextDayMs = (Math.floor(clock.nowMs / dayMs) + 1) * dayMs;
      clock.runUntil(Math.min(endMs, nextDayMs, clock.nowMs + hourMs));
      await breathe();
      if (clock.nowMs === nextDayMs) this.#dayEnded(nextDayMs / dayMs);
    }
  }

  #dayEnded(day: number): void {
    const heapBytes = day >= heapDay ? this.boards.at(-1)?.heapBytes() : undefined;
    if (heapBytes !== undefined) this.#heapBytes.push(heapBytes);
    const { d2cAcked, connected } = this.#totals();
    this.#options.onDay?.({ day, connected, d2cAcked, speedup: this.#speedup() });
  }

  #makeBoards(): VirtualBoard[] {
    const { enrollments } = this.hub;
    const group = enrollments.putGroup("boards", { attestation: { type: "symmetricKey" } });
    if (group.attestation.type !== "symmetricKey") throw new Error("a group without a key");
    const { primaryKey: groupKey } = group.attestation.symmetricKey;
    const access = { dpsHost: worldDpsHost, idScope: enrollments.idScope, groupKey };
    const { name, makeBoard, onLog } = this.#options;
    return Array.from({ length: this.#options.boards }, (_, index) => {
      const id = `${name}-${index + 1}`;
      return makeBoard({
        world: this.world,
        id,
        storage: groupCredentials(nodeDigestPort, access, id),
        log: (level, text) => {
          if (level === "error") this.#errors++;
          onLog?.(id, level, text, this.world.clock.nowMs);
        },
      });
    });
  }

  #nextDesired(id: string, random: SeededRandom) {
    // Before its registration the device has no twin.
    if (!this.hub.registry.find({ deviceId: id })) return undefined;
    if (this.#options.nextDesired) return this.#options.nextDesired(id, random, this.hub);
    const { reported } = this.hub.twins.view({ deviceId: id }).properties;
    const writable = Object.entries(reported).filter(([, entry]) => {
      const { value, ac } = (entry ?? {}) as { value?: unknown; ac?: unknown };
      return typeof value === "number" && ac !== undefined;
    });
    if (writable.length === 0) return undefined;
    const [property, entry] = random.pick(writable);
    const { value, av } = entry as unknown as { value: number; av: number };
    return { [property]: av % 2 === 0 ? value - 1 : value + 1 };
  }

  #totals() {
    const witnesses = this.boards.map(({ id }) => this.witness.of(id));
    const sum = (pick: (witness: (typeof witnesses)[number]) => number) =>
      witnesses.reduce((total, witness) => total + pick(witness), 0);
    return {
      connected: this.boards.filter(({ id }) => this.#isConnected(id)).length,
      d2cAcked: sum((witness) => witness.acknowledged),
      d2cBytes: sum((witness) => witness.acknowledgedBytes),
      twinPatches: sum((witness) => witness.twinPatches),
      methods: sum((witness) => witness.methodAnswers),
      connects: sum((witness) => witness.connects),
      renewals: sum((witness) => witness.renewals),
    };
  }

  #isConnected(id: string): boolean {
    return this.hub.sessions.of(id).length > 0;
  }

  /** `isCut`: the run had no time to settle, so what is still under way is not broken; that a board ended is. */
  #check(isCut = false): { violations: string[]; duplicates: number } {
    const violations: string[] = [];
    let duplicates = 0;
    for (const { id, failure } of this.boards) {
      const ended = failure ? [`ended: ${failure}`] : [];
      const found: string[] = [];
      if (!this.#isConnected(id)) found.push("is not connected at the end");
      const wire = checkWire(this.witness.of(id));
      duplicates += wire.duplicates;
      found.push(...wire.violations);
      if (this.hub.registry.find({ deviceId: id }))
        found.push(...checkTwin(this.hub.twins.view({ deviceId: id }).properties));
      if (isCut) found.length = 0;
      violations.push(...[...ended, ...found].map((text) => `${id}: ${text}`));
    }
    return { violations: [...violations, ...checkHeap(this.#heapBytes)], duplicates };
  }

  #summary(counters: ScenarioCounters, isCut: boolean): RunSummary {
    const { seed, days, boards } = this.#options;
    const { violations, duplicates } = this.#check(isCut);
    return {
      ...{ seed, days, boards },
      daysRun: Math.round((this.world.clock.nowMs / dayMs) * 100) / 100,
      ...this.#totals(),
      duplicates,
      ...counters,
      violations,
      errors: this.#errors + violations.length,
      heapBytes: this.#heapBytes,
      traceHash: this.world.trace.digest(),
      speedup: this.#speedup(),
    };
  }

  #speedup(): number {
    return Math.round(this.world.clock.nowMs / (performance.now() - this.#startedMs));
  }
}
