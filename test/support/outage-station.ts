// A weather station on the XS engine whose plug is pulled inside flash operations, and what must have arrived then.
import { fileURLToPath } from "node:url";
import { expect } from "vitest";
import { weatherModel } from "../../firmware/apps/weather/model.ts";
import { recorded, recordedTenths } from "../../firmware/apps/weather/recording.ts";
import { FlashLog } from "../../firmware/telemetry/log/flash-log.ts";
import { BOOT, CLASS, LOST, SEQUENCE } from "../../firmware/telemetry/shipment.ts";
import { unpackBatch } from "../../firmware/telemetry/stored-batch.ts";
import { type CompiledApp, compileApp } from "../../host-tools/engine/app.ts";
import type { Engine } from "../../host-tools/engine/build.ts";
import { ensureEngine } from "../../host-tools/engine/ensure.ts";
import type { HubEvent } from "../../host-tools/hub/core/event.ts";
import { eventJson } from "../../host-tools/hub/https/event-wire.ts";
import { NodePlatform } from "../../host-tools/sim/node-platform.ts";
import { groupCredentials, writeEntries } from "../../host-tools/sim/provision.ts";
import { nodeDigestPort } from "../../host-tools/sim/real-platform.ts";
import { MemoryKeyValue, type NorFlash } from "../../host-tools/sim/storage.ts";
import { World } from "../../host-tools/sim/world.ts";
import { createWorldHub, worldDpsHost } from "../../host-tools/sim/world-hub.ts";
import { XsBoard } from "../../host-tools/sim/xs-board.ts";
import { StreamDecoder } from "../../host-tools/telemetry/decode-stream.ts";
import type { Row } from "../../host-tools/telemetry/rows.ts";
import { countBoots } from "./first-boot.ts";
import { PROGRAM_FORMS, TornFlash } from "./torn-flash.ts";

export const id = "weather-1";
export interface Program {
  engine: Engine;
  app: CompiledApp;
}

export async function weatherProgram(): Promise<Program> {
  const engine = await ensureEngine();
  const folder = fileURLToPath(new URL("../../firmware/apps/weather", import.meta.url));
  return { engine, app: await compileApp(engine, folder) };
}

/** A board with a chip that can lose its power inside an operation, and its hub. */
export class Station {
  readonly world: World;
  readonly events: HubEvent[] = [];
  readonly random;
  /** What the log held at the cuts, by boot, class and sequence: promised to arrive. */
  readonly durable = new Map<string, Uint8Array>();
  readonly board: XsBoard;
  flash: TornFlash;
  /** Wall time of every power-on. */
  readonly bootsAtMs: number[] = [];

  constructor(program: Program, seed: number, sectorCount: number) {
    const world = new World({ seed });
    this.world = world;
    this.random = world.random.fork("outage");
    const hub = createWorldHub(world);
    hub.events.subscribe((event) => {
      if (event.source === "Telemetry") this.events.push(event);
    });
    const { attestation } = hub.enrollments.putGroup("fleet", {
      attestation: { type: "symmetricKey" },
    });
    if (attestation.type !== "symmetricKey") throw new Error("no symmetric key");
    const { primaryKey: groupKey } = attestation.symmetricKey;
    const access = { dpsHost: worldDpsHost, idScope: hub.enrollments.idScope, groupKey };
    const storage = new MemoryKeyValue();
    countBoots(storage);
    writeEntries(storage, groupCredentials(nodeDigestPort, access, id));
    this.flash = new TornFlash({ sectorBytes: 4096, sectorCount, pageBytes: 256, unitBytes: 4 });
    this.board = new XsBoard({
      ...{ ...program, log: () => {} },
      createWorld: () => {
        this.bootsAtMs.push(world.wallMs());
        const persistent = { storage, flash: this.flash as unknown as NorFlash };
        return new NodePlatform(world, { name: id, persistent });
      },
    });
  }

  /** Pulls the plug inside one of the next flash operations, or a while later if there is none. */
  pullPlug(): void {
    const { world, random, board, flash } = this;
    const forms = PROGRAM_FORMS.slice(0, 7);
    flash.form = random.pick(forms);
    flash.cutAt = flash.operations + random.int(0, 12);
    flash.onOperation = () => {
      if (flash.operations === flash.cutAt) world.clock.after(0, () => board.powerOff());
    };
    for (let i = 0; i < 600 && board.isOn; i++) world.clock.runFor(random.int(100, 1000));
    board.powerOff();
    this.flash = flash.reopened();
    this.remember();
    world.clock.runFor(random.int(1000, 60_000));
    board.powerOn();
  }

  private remember(): void {
    const log = new FlashLog({ flash: this.flash.reopened(), bootId: 0xffff });
    for (let entry = log.next(); entry; entry = log.next())
      if (entry.payload)
        this.durable.set(
          [entry.bootId, entry.logClass, entry.sequence].join("/"),
          unpackBatch(entry.logClass, entry.payload).payload,
        );
  }

  async consume() {
    const damaged: string[] = [];
    const decoder = new StreamDecoder({
      ...{ source: "hub", model: weatherModel },
      onDamaged: ({ message }) => damaged.push(message),
    });
    const { events } = this;
    async function* chunks() {
      for (const event of events) yield Buffer.from(`${JSON.stringify(eventJson(event))}\n`);
    }
    const rows: Row[] = [];
    for await (const row of decoder.rows(chunks())) rows.push(row);
    for (const row of rows) decoder.bootTimes.complete(row);
    return { rows, damaged, report: decoder.delivery.report() };
  }
}

/** One reading per second, one recorded hour each, since the boot: what a row says can be told from its time. */
function checkRow({ uptimeMs = 0, values }: Row): void {
  const hour = uptimeMs / 1000 - 1;
  const told = { ...values };
  const columns = ["temperature", "humidity", "pressure", "windSpeed"];
  columns.forEach((name, column) => {
    if (!("temperature" in values)) return;
    const expected = recordedTenths(hour, column);
    if (expected === undefined) expect(told[name]).toBeUndefined();
    else expect(Math.abs((told[name] as number) - expected)).toBeLessThanOrEqual(0.050_001);
  });
  if ("windDirection" in values) expect(values.windDirection).toBe(recorded(hour, 4));
  if ("visibility" in values) expect(values.visibility).toBe(recordedTenths(hour, 5));
}

/** Whether the device has declared the loss of boot/class/sequence. */
function isDeclared(events: readonly HubEvent[], key: string): boolean {
  const [boot = 0, logClass = 0, sequence = 0] = key.split("/").map(Number);
  const stamp = (bootId: number, number: number) => bootId * 2 ** 32 + number;
  return events.some(({ properties }) => {
    const [lostClass, , firstBoot = 0, first = 0, lastBoot = 0, last = 0] =
      properties[LOST]?.split(".").map(Number) ?? [];
    const own = stamp(boot, sequence);
    return lostClass === logClass && own >= stamp(firstBoot, first) && own <= stamp(lastBoot, last);
  });
}

export async function check(station: Station) {
  const { events, durable } = station;
  const { rows, damaged, report } = await station.consume();
  expect(damaged).toEqual([]);
  const bodies = new Map<string, Uint8Array>();
  for (const { properties, body } of events)
    bodies.set([properties[BOOT], properties[CLASS], properties[SEQUENCE]].join("/"), body);
  const lostKeys = [...durable.keys()].filter(
    (key) => !bodies.has(key) && !isDeclared(events, key),
  );
  for (const [key, body] of bodies) {
    const kept = durable.get(key);
    if (kept) expect(Buffer.compare(Buffer.from(kept), Buffer.from(body)), key).toBe(0);
  }
  // Repetitions are counted, never shown.
  const duplicates = report.reduce((sum, line) => sum + line.duplicates, 0);
  expect(events.length - bodies.size).toBe(duplicates);
  const keys = rows.map(
    ({ boot, uptimeMs, values }) => `${boot} ${uptimeMs} ${Object.keys(values)}`,
  );
  expect(new Set(keys).size).toBe(keys.length);
  for (const row of rows) {
    checkRow(row);
    expect(row.tMs).toBe(station.bootsAtMs[row.boot! - 1]! + row.uptimeMs!);
  }
  const sum = (pick: (line: (typeof report)[number]) => number) =>
    report.reduce((total, line) => total + pick(line), 0);
  return {
    lostKeys,
    messages: events.length,
    durable: durable.size,
    duplicates,
    rows: rows.length,
    missing: sum((line) => line.missing),
    declared: sum((line) => line.declared),
  };
}

const minuteMs = 60_000;

/** An outage, a plug pulled in it, and another one while the board catches up. Returns figures of the run. */
export async function cutTwice(program: Program, seed: number) {
  const station = new Station(program, seed, 64);
  const { world, board, random } = station;
  board.powerOn();
  world.clock.runFor(random.int(1, 3) * minuteMs);
  world.network.cut(id);
  world.clock.runFor(random.int(1, 8) * minuteMs);
  station.pullPlug();
  world.clock.runFor(random.int(1, 4) * minuteMs);
  world.network.restore(id);
  world.clock.runFor(random.int(500, 5000));
  station.pullPlug();
  world.clock.runFor(8 * minuteMs);
  const { lostKeys, ...figures } = await check(station);
  process.stdout.write(`outage seed ${seed}: ${JSON.stringify(figures)}\n`);
  expect(lostKeys).toEqual([]);
  expect(figures.durable).toBeGreaterThan(5);
  expect(figures.declared).toBe(0);
  return figures;
}
