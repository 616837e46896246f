// Model-based: random changes, reports, losses, reconnects and power cuts; then quiet, and both sides must agree.
import { expect, test } from "vitest";
import { SeededRandom } from "../../../host-tools/sim/seeded-random.ts";
import { World } from "../../../host-tools/sim/world.ts";
import { type Fate, ScriptedHub } from "../../support/scripted-hub.ts";
import { Rig } from "../../support/thermo.ts";

const stepsPerSeed = 120;
const seeds = Array.from({ length: 12 }, (_, i) => 1000 + i);

const choices: Record<string, unknown[]> = {
  target: [18, 19, 20.5, 13, 99, "warm", null],
  mode: ["heat", "cool", "dry", null],
  place: [{ room: "attic", floor: 3 }, { floor: 4 }, { room: "cellar" }, null],
};

class Fuzz {
  readonly random: SeededRandom;
  readonly world: World;
  readonly hub: ScriptedHub;
  readonly history = new Map<number, Record<string, unknown>>();
  readonly told: Record<string, unknown> = {};
  rig: Rig;
  faultShare = 0.3;
  applied: [string, unknown, number][] = [];

  constructor(seed: number) {
    this.random = new SeededRandom(seed);
    this.world = new World({ seed });
    this.hub = new ScriptedHub(this.world);
    const fate = (): Fate =>
      this.random.chance(this.faultShare)
        ? this.random.pick<Fate>(["lose", "loseAnswer", 429, 500])
        : undefined;
    this.hub.fateOfGet = fate;
    this.hub.fateOfPatch = fate;
    this.hub.fateOfNotification = () => (this.random.chance(this.faultShare) ? "lose" : undefined);
    this.remember();
    this.rig = new Rig({ world: this.world, hub: this.hub }).start();
  }

  remember(): void {
    this.history.set(this.hub.desiredVersion, this.hub.desired);
  }

  change(): void {
    const patch: Record<string, unknown> = {};
    for (const [name, values] of Object.entries(choices)) {
      if (this.random.chance(0.4)) patch[name] = this.random.pick(values);
    }
    this.hub.patchDesired(patch);
    this.remember();
  }

  report(): void {
    const values = this.random.chance(0.5)
      ? { uptime: this.random.int(0, 1000) }
      : { serial: `S${this.random.int(0, 9)}` };
    Object.assign(this.told, values);
    this.rig.device.report(values);
  }

  powerCycle(): void {
    this.rig.board.powerOff();
    this.applied.push(...this.rig.applied);
    this.hub.drop();
    const { persistent } = this.rig.board;
    this.rig = new Rig({ world: this.world, hub: this.hub, persistent }).start();
    // Reports are the application's to make again after a boot.
    if (Object.keys(this.told).length > 0) this.rig.device.report(this.told);
  }

  async step(): Promise<void> {
    const dice = this.random.int(0, 99);
    if (dice < 40) this.change();
    else if (dice < 65) this.report();
    else if (dice < 75) this.hub.drop();
    else if (dice < 82) this.world.network.cut("dev1");
    else if (dice < 92) this.world.network.restore("dev1");
    else if (dice < 96) this.powerCycle();
    else this.hub.notify(1, '{"target":29,"$version":1}');
    await this.rig.run(this.random.pick([0, 5, 40, 300, 3000, 30_000]));
  }

  async quiet(): Promise<void> {
    this.faultShare = 0;
    this.world.network.restore("dev1");
    // A notification lost on a connection that lives shows with the next one or the next connection, not before.
    this.hub.drop();
    await this.rig.run(1_800_000);
    this.applied.push(...this.rig.applied);
  }
}

function effectOf(name: string, asked: unknown): "none" | "refused" | "taken" {
  if (asked === undefined) return "none";
  if (name === "target") {
    return typeof asked !== "number" || asked > 30 || asked === 13 ? "refused" : "taken";
  }
  if (name === "mode") return asked === "heat" || asked === "cool" ? "taken" : "refused";
  return Object.keys(asked as object).length === 2 ? "taken" : "refused";
}

test.each(seeds)("converges from seed %i", async (seed) => {
  const fuzz = new Fuzz(seed);
  for (let i = 0; i < stepsPerSeed; i++) await fuzz.step();
  await fuzz.quiet();
  const { hub, rig } = fuzz;
  const label = `seed ${seed}`;
  expect(rig.device.twin.isConverged, label).toBe(true);
  expect(hub.reported, label).toMatchObject(fuzz.told);
  for (const name of Object.keys(choices)) {
    const asked = hub.desired[name];
    const held = hub.reported[name] as Record<string, unknown> | undefined;
    const inEffect = rig.device.get(name as "target");
    const effect = effectOf(name, asked);
    const where = `${label}: ${name} ${JSON.stringify(asked)}`;
    if (effect === "taken") {
      expect(inEffect, where).toEqual(asked);
      expect(held, where).toMatchObject({ value: asked, ac: 200 });
      expect(fuzz.history.get(held!.av as number)?.[name], where).toEqual(asked);
    } else if (effect === "refused") {
      expect([400, 409], where).toContain(held?.ac);
      expect(held?.value, where).toEqual(inEffect);
    } else if (name === "target") {
      expect(inEffect, where).toBe(21);
      expect(held, where).toMatchObject({ value: 21, ac: 203, av: 0 });
    } else {
      expect(inEffect, where).toBeUndefined();
      expect(held, where).toBeUndefined();
    }
  }
  for (const [name, value, version] of fuzz.applied) {
    // Nothing is invented: what was applied stood in the twin at that version; at boot, at any; or is the default.
    const where = `${label}: ${name} of version ${version}`;
    const origins = [...fuzz.history.values()].map((desired) => desired[name]);
    if (version === 0) expect([21, ...origins], where).toContainEqual(value);
    else expect(value, where).toEqual(fuzz.history.get(version)?.[name]);
  }
});
