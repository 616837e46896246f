// What happens to boards over days: a seeded script of outages, hub faults, wrong clocks, power cuts and orders.
import type { Hub } from "../hub/core/hub.ts";
import type { SeededRandom } from "./seeded-random.ts";
import type { VirtualBoard } from "./virtual-board.ts";
import type { Witness } from "./witness.ts";
import type { World } from "./world.ts";

const minuteMs = 60_000;
const hourMs = 3_600_000;
const dayMs = 86_400_000;

/** Mean time between two events of a kind, per board (fail-overs: per world). Infinity: never. */
export interface Rates {
  cutMs: number;
  resetMs: number;
  /** Resets within the round trip of a telemetry message: was it stored, was its PUBACK lost? */
  strikeMs: number;
  dropMs: number;
  refuseMs: number;
  throttleMs: number;
  delayMs: number;
  expireMs: number;
  failOverMs: number;
  clockMs: number;
  powerMs: number;
  desiredMs: number;
  methodMs: number;
}

export const defaultRates: Rates = {
  cutMs: 8 * hourMs,
  resetMs: 8 * hourMs,
  strikeMs: 4 * hourMs,
  dropMs: 12 * hourMs,
  refuseMs: dayMs,
  throttleMs: dayMs,
  delayMs: dayMs,
  expireMs: dayMs,
  failOverMs: 2 * dayMs,
  clockMs: 2 * dayMs,
  powerMs: dayMs,
  desiredMs: 3 * hourMs,
  methodMs: 2 * hourMs,
};

export interface ScenarioOptions {
  world: World;
  hub: Hub;
  boards: readonly VirtualBoard[];
  witness: Witness;
  rates?: Partial<Rates>;
  /** A board that keeps its power from then on, so that its heap can be compared over days. */
  steadyAfterMs?: number;
  /** Next desired properties of a board; undefined: none this time. */
  nextDesired(id: string, random: SeededRandom): Readonly<Record<string, unknown>> | undefined;
  /** Method to call; undefined: none. */
  method?: string;
}

export interface ScenarioCounters {
  outages: number;
  resets: number;
  hubFaults: number;
  failOvers: number;
  clockJumps: number;
  powerCuts: number;
  desiredChanges: number;
  methodsCalled: number;
  methodsAnswered: number;
}

export class Scenario {
  readonly counters: ScenarioCounters = {
    outages: 0,
    resets: 0,
    hubFaults: 0,
    failOvers: 0,
    clockJumps: 0,
    powerCuts: 0,
    desiredChanges: 0,
    methodsCalled: 0,
    methodsAnswered: 0,
  };
  readonly #options: ScenarioOptions;
  readonly #random: SeededRandom;
  #isOver = false;

  constructor(options: ScenarioOptions) {
    this.#options = options;
    this.#random = options.world.random.fork("scenario");
    const rates = { ...defaultRates, ...options.rates };
    for (const board of options.boards) this.#plan(board, rates);
    this.#every(rates.failOverMs, () => this.#failOver());
  }

  /** The good times begin: everything is mended. One last desired change comes while nobody is connected. */
  end(): void {
    this.#isOver = true;
    const { world, hub, boards } = this.#options;
    hub.faults.clear();
    for (const board of boards) {
      world.network.restore(board.id);
      board.powerOn();
      board.setClock(world.wallMs());
      world.network.reset(board.id);
      this.#change(board.id);
    }
    world.trace.add(world.clock.nowMs, "scenario", "end");
  }

  #plan(board: VirtualBoard, rates: Rates): void {
    const { hub, world } = this.#options;
    const { id } = board;
    const fault = (kind: string, action: (durationMs: number) => void) => () => {
      const durationMs = this.#duration(10_000, 10 * minuteMs);
      this.counters.hubFaults++;
      this.#note(`${kind} ${id} ${durationMs}`);
      action(durationMs);
    };
    this.#every(rates.cutMs, () => this.#cut(id));
    this.#every(rates.resetMs, () => {
      this.counters.resets++;
      this.#note(`reset ${id}`);
      world.network.reset(id);
    });
    this.#every(rates.strikeMs, () => this.#strike(id));
    const { faults } = hub;
    this.#every(
      rates.dropMs,
      fault("drop", () => faults.drop(id)),
    );
    this.#every(
      rates.expireMs,
      fault("expire", () => faults.expireToken(id)),
    );
    this.#every(
      rates.refuseMs,
      fault("refuse", (forMs) => faults.refuse(id, forMs)),
    );
    this.#every(
      rates.throttleMs,
      fault("throttle", (forMs) => faults.throttle(id, forMs)),
    );
    this.#every(
      rates.delayMs,
      fault("delay", (forMs) => faults.delay(id, this.#random.int(200, 8000), forMs)),
    );
    this.#every(rates.clockMs, () => this.#jump(board));
    this.#every(rates.powerMs, () => this.#powerCut(board));
    this.#every(rates.desiredMs, () => this.#change(id));
    this.#every(rates.methodMs, () => this.#call(id));
  }

  #cut(id: string): void {
    const { world } = this.#options;
    if (world.network.isCut(id)) return;
    const durationMs = this.#duration(2000, 90 * minuteMs);
    this.counters.outages++;
    this.#note(`cut ${id} ${durationMs}`);
    world.network.cut(id);
    world.clock.after(durationMs, () => world.network.restore(id));
  }

  #strike(id: string): void {
    const { world, witness } = this.#options;
    const device = witness.of(id);
    device.onTelemetry = () => {
      device.onTelemetry = undefined;
      this.counters.resets++;
      world.clock.after(this.#random.int(5, 60), () => {
        this.#note(`strike ${id}`);
        world.network.reset(id);
      });
    };
  }

  #failOver(): void {
    const durationMs = this.#duration(10_000, 10 * minuteMs);
    this.counters.failOvers++;
    this.#note(`fail over ${durationMs}`);
    this.#options.hub.faults.failOver(durationMs);
  }

  /** Small errors stay until the next jump; one that no service accepts is corrected after a while. */
  #jump(board: VirtualBoard): void {
    const { world } = this.#options;
    const isLarge = this.#random.chance(0.3);
    const rangeMs = isLarge ? 3 * dayMs : 10 * minuteMs;
    const jumpMs = this.#random.int(-rangeMs, rangeMs);
    this.counters.clockJumps++;
    this.#note(`clock ${board.id} ${jumpMs}`);
    board.setClock(world.wallMs() + jumpMs);
    if (!isLarge) return;
    world.clock.after(this.#duration(5 * minuteMs, hourMs), () => board.setClock(world.wallMs()));
  }

  #powerCut(board: VirtualBoard): void {
    const { world, steadyAfterMs = Number.POSITIVE_INFINITY } = this.#options;
    if (!board.isOn || world.clock.nowMs > steadyAfterMs) return;
    const offMs = this.#duration(1000, 30 * minuteMs);
    this.counters.powerCuts++;
    this.#note(`power ${board.id} ${offMs}`);
    board.powerOff();
    world.clock.after(offMs, () => board.powerOn());
  }

  #change(id: string): void {
    const desired = this.#options.nextDesired(id, this.#random);
    if (!desired) return;
    this.counters.desiredChanges++;
    this.#note(`desired ${id} ${JSON.stringify(desired)}`);
    this.#options.hub.twins.patch({ deviceId: id }, { desired: desired as never });
    this.#options.hub.commit();
  }

  #call(id: string): void {
    const { hub, method } = this.#options;
    if (method === undefined) return;
    this.counters.methodsCalled++;
    this.#note(`method ${id} ${method}`);
    const isAnswered = hub.methods.invoke(
      { deviceId: id },
      {
        methodName: method,
        payload: null,
        responseTimeoutInSeconds: 30,
        connectTimeoutInSeconds: 60,
      },
    );
    isAnswered.then(
      () => this.counters.methodsAnswered++,
      // Unreachable devices are what this script is about.
      () => undefined,
    );
  }

  /** Starts `action` again and again, at random times with this mean. */
  #every(meanMs: number, action: () => void): void {
    if (meanMs === Number.POSITIVE_INFINITY) return;
    const delayMs = Math.ceil(-Math.log(1 - this.#random.float()) * meanMs);
    this.#options.world.clock.after(delayMs, () => {
      if (this.#isOver) return;
      action();
      this.#every(meanMs, action);
    });
  }

  /** Short times are as likely as long ones: uniform in the logarithm. */
  #duration(fromMs: number, toMs: number): number {
    return Math.round(fromMs * (toMs / fromMs) ** this.#random.float());
  }

  #note(text: string): void {
    const { world } = this.#options;
    world.trace.add(world.clock.nowMs, "scenario", text);
  }
}
