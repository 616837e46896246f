// Fleets in real time: a hundred boards at one hub over TLS, power and network switches, boards that break.
import { fileURLToPath } from "node:url";
import { afterEach, beforeAll, expect, test } from "vitest";
import { fleetActions } from "../../host-tools/cli/sim/fleet-actions.ts";
import { showFleet } from "../../host-tools/cli/view/fleet-screen.ts";
import { type CompiledApp, compileApp } from "../../host-tools/engine/app.ts";
import { ensureEngine } from "../../host-tools/engine/ensure.ts";
import type { FleetHub } from "../../host-tools/sim/fleet-hub.ts";
import { connectionStringCredentials } from "../../host-tools/sim/provision.ts";
import { FleetRig, type FleetSetup } from "../support/fleet-rig.ts";
import { arrow, Keyboard } from "../support/keyboard.ts";

const rounds = 3;
/** Two hundred handshakes take their time on a machine with other work. */
const crowdMsMax = 150_000;
let canary: CompiledApp;
let stillborn: CompiledApp;
let hanging: CompiledApp;
let rig: FleetRig | undefined;

beforeAll(async () => {
  const engine = await ensureEngine();
  const app = (name: string) =>
    compileApp(engine, fileURLToPath(new URL(`./apps/${name}`, import.meta.url)));
  canary = await app("canary");
  stillborn = await app("stillborn");
  hanging = await app("hanging");
});

afterEach(async () => {
  await rig?.close();
  rig = undefined;
});

async function start(ids: readonly string[], setup: Partial<FleetSetup> = {}): Promise<FleetRig> {
  rig = await FleetRig.start({ app: canary, ids, ...setup });
  return rig;
}

/** Asks a board to break; the answer does not matter, some boards never give one. */
function breakBoard({ cloud }: FleetRig, id: string, how: string): Promise<string> {
  return cloud.invoke(id, "break", how).then(
    () => "answered",
    (error: Error) => error.message,
  );
}

function texts({ events }: FleetRig, id: string): string[] {
  return events.flatMap((event) =>
    event.event === "log" && event.board === id ? [event.text] : [],
  );
}

function ended({ events }: FleetRig, id: string) {
  return events.find((event) => event.event === "ended" && event.board === id);
}

test("a hundred boards in one process stay connected to one hub, every message acknowledged", async () => {
  const ids = Array.from({ length: 100 }, (_, index) => `board-${index}`);
  const emptyBytes = process.memoryUsage().rss;
  const made = await start(ids, { isDirect: true });
  const { fleet, cloud, events } = made;
  await made.until(() => fleet.view.boards.every((board) => board.messages >= rounds), crowdMsMax);
  const perBoard = (process.memoryUsage().rss - emptyBytes) / ids.length;
  process.stdout.write(`100 boards: ${(perBoard / 1e6).toFixed(2)} MB of the process per board\n`);
  expect(cloud.connected.size).toBe(ids.length);
  expect(fleet.view.boards.filter((board) => board.failure !== undefined)).toEqual([]);
  expect(events.filter(({ event }) => event === "disconnected" || event === "ended")).toEqual([]);
  // The device counts acknowledgements itself.
  await made.until(() => ids.every((id) => made.bodies(id).at(-1)!.acked! >= rounds), crowdMsMax);
  for (const id of ids) {
    const bodies = made.bodies(id);
    expect(bodies.map(({ n }) => n)).toEqual(bodies.map((_, index) => index));
    expect(bodies.at(-1)?.lost).toBe(0);
  }
});

test("a board that lost its power comes back with the state it was given, before it reaches the hub", async () => {
  // Before the power comes: afterwards the device spares its flash for ten seconds.
  const prepare = (cloud: FleetHub) => cloud.setDesired("a", { song: 7 });
  const made = await start(["a", "b"], { isDirect: true, before: prepare });
  const { fleet, events } = made;
  await made.until(() => texts(made, "a").some((text) => text.startsWith("song 7")));
  await made.more("a", 1);
  fleet.setPower("a", false);
  await made.until(() => events.some((e) => e.event === "disconnected" && e.board === "a"));
  const before = made.bodies("a").length;
  await made.more("b", 2);
  expect(made.bodies("a").length).toBe(before);
  fleet.setNetwork("a", true);
  fleet.setPower("a", true);
  // Version 0: out of its own storage.
  await made.until(() => texts(made, "a").includes("song 7 version 0"));
  expect(fleet.board("a")).toMatchObject({ boots: 2, isConnected: false, isCut: true });
  fleet.setNetwork("a", false);
  await made.more("a", 2);
  expect(fleet.board("a")?.isConnected).toBe(true);
  expect(events.filter((event) => event.event === "ended")).toEqual([]);
});

test("keys of the live screen reach the boards: target, method, network, plug, and back with its data", async () => {
  const made = await start(["a", "b"], { isDirect: true });
  const { fleet, cloud, events } = made;
  const end = new AbortController();
  const keyboard = new Keyboard();
  const actions = fleetActions(fleet, cloud, "break");
  const shown = showFleet(fleet.view, actions, end.signal, keyboard.streams);
  try {
    await keyboard.listening;
    await made.until(() => "song" in ((fleet.board("b")?.reported ?? {}) as object));
    keyboard.press(arrow.down, "+", "+", "m");
    await made.until(() => texts(made, "b").some((text) => text.startsWith("song 2")));
    await made.until(() => events.some((e) => e.event === "method" && e.board === "b"));
    keyboard.press("n");
    await made.until(() => fleet.board("b")?.isCut === true);
    keyboard.press("p");
    await made.until(() => fleet.board("b")?.power === "off");
    keyboard.press("n", "p");
    await made.until(() => fleet.board("b")?.boots === 2);
    const songs = () => texts(made, "b").filter((text) => text.startsWith("song 2"));
    await made.until(() => songs().length >= 2);
    await made.more("b", 1);
    expect(fleet.board("a")).toMatchObject({ power: "on", boots: 1, isCut: false });
    keyboard.press("q");
    await shown;
    expect(keyboard.drawn).toContain("twin of b");
  } finally {
    end.abort();
  }
});

test("a cut network delays telemetry and loses none", async () => {
  const made = await start(["a", "b"]);
  const { fleet } = made;
  await made.more("a", 2);
  fleet.setNetwork("a", true);
  const before = made.bodies("a").length;
  await made.more("b", 3);
  // What was in the air when the cable was cut may still arrive.
  expect(made.bodies("a").length - before).toBeLessThanOrEqual(1);
  fleet.setNetwork("a", false);
  await made.more("a", 5);
  const numbers = made.bodies("a").map(({ n }) => n!);
  expect([...new Set(numbers)]).toEqual(Array.from({ length: new Set(numbers).size }, (_, i) => i));
  expect(made.bodies("a").at(-1)?.lost).toBe(0);
});

const breakages: [how: string, reason: string, at: RegExp][] = [
  ["outside", "exception", /canary\/main\.ts:4\d:\d+$/],
  ["runaway", "runaway", /canary\/main\.ts:4\d/],
  ["memory", "memory", /canary\/main\.ts:5\d:\d+$/],
  ["stack", "stack", /canary\/main\.ts:2\d:\d+$/],
];

test("a broken board ends with reason and position; the others and the hub go on", async () => {
  const ids = breakages.map(([how]) => how);
  const made = await start([...ids, "handler", "restart", "stillborn", "healthy"], {
    apps: new Map([["stillborn", stillborn]]),
    turnMsMax: 60_000,
  });
  await made.until(() => made.cloud.connected.size === ids.length + 3);
  const answer = await breakBoard(made, "handler", "handler");
  const rest = [...ids, "restart"].map((how) => breakBoard(made, how, how));
  await made.until(() => [...ids, "stillborn"].every((id) => ended(made, id) !== undefined));
  for (const [how, reason, at] of breakages) {
    expect(ended(made, how)).toMatchObject({ reason, at: expect.stringMatching(at) });
    expect(made.fleet.board(how)).toMatchObject({ power: "ended" });
  }
  expect(ended(made, "stillborn")).toMatchObject({
    reason: "exception",
    message: expect.stringContaining("no sensor"),
    at: expect.stringMatching(/stillborn\/main\.ts:5:\d+$/),
  });
  // A throw in a handler is answered, logged and forgotten.
  expect(answer).toBe("answered");
  expect(made.events).toContainEqual(
    expect.objectContaining({ event: "method", board: "handler", status: 500 }),
  );
  await made.until(() => made.fleet.board("restart")?.boots === 2);
  await Promise.all(["healthy", "handler", "restart"].map((id) => made.more(id, 2)));
  await Promise.all(rest);
  // Power off and on mends what ended.
  made.fleet.setPower("memory", true);
  await made.more("memory", 1);
  expect(made.fleet.board("memory")).toMatchObject({ power: "on", failure: undefined, boots: 2 });
});

test("a loop inside the engine costs its board and a reboot of its neighbours, which keep their storage", async () => {
  // Two threads: a and c share one.
  const before = (cloud: FleetHub) => cloud.setDesired("c", { song: 9 });
  const made = await start(["a", "b", "c", "d"], { turnMsMax: 3000, isDirect: true, before });
  const { fleet, cloud } = made;
  await made.until(() => cloud.connected.size === 4);
  fleet.setPower("d", false);
  await made.until(() => texts(made, "c").some((text) => text.startsWith("song 9")));
  await made.more("c", 1);
  const call = breakBoard(made, "a", "native");
  await made.until(() => ended(made, "a") !== undefined);
  expect(ended(made, "a")).toMatchObject({ reason: "native-loop" });
  await made.until(() => texts(made, "c").includes("song 9 version 0"));
  await Promise.all([made.more("b", 2), made.more("c", 2)]);
  expect(fleet.board("b")).toMatchObject({ boots: 1 });
  expect(fleet.board("c")).toMatchObject({ boots: 2, power: "on" });
  fleet.setPower("a", true);
  await made.more("a", 1);
  expect(fleet.board("a")).toMatchObject({ power: "on", failure: undefined });
  expect(fleet.board("d")).toMatchObject({ power: "off", boots: 1 });
  await call;
});

test("a board that hangs when the fleet is closed is given to the watchdog, and told", async () => {
  const made = await start(["a"], { apps: new Map([["a", hanging]]), turnMsMax: 1000 });
  await made.until(() => made.fleet.board("a")?.boots === 1);
  expect(ended(made, "a")).toBeUndefined();
  await made.fleet.close();
  expect(ended(made, "a")).toMatchObject({ reason: "native-loop" });
  expect(made.fleet.view.errors).toBe(1);
});

test("boards with a wrong key, of another hub or without credentials say so; the others go on", async () => {
  const connection = (id: string, host: string) =>
    connectionStringCredentials(`HostName=${host};DeviceId=${id};SharedAccessKey=${btoa("wrong")}`);
  const made = await start(["good", "wrong-key", "no-hub", "empty", "garbled"], {
    isDirect: true,
    credentials: (host) =>
      new Map([
        ["wrong-key", connection("wrong-key", host)],
        ["stranger", connection("stranger", host)],
        ["no-hub", connection("no-hub", host.replace(/\d+$/, "1"))],
        ["empty", {}],
        ["garbled", connectionStringCredentials("HostName=\u0000")],
      ]),
  });
  const told = (id: string, pattern: RegExp) => () =>
    texts(made, id).some((text) => pattern.test(text));
  await made.until(told("wrong-key", /^credentials: .*CONNACK 5.*check that the device exists/));
  await made.until(told("stranger", /^credentials: .*CONNACK 5.*check that the device exists/));
  await made.until(told("no-hub", /the hub is restarting, failing over or gone/));
  await made.until(told("empty", /store valid credentials/));
  await made.until(told("garbled", /store valid credentials/));
  await made.more("good", 2);
  expect(made.events.filter(({ event }) => event === "ended")).toEqual([]);
  expect([...made.cloud.connected]).toEqual(["good"]);
  expect(JSON.stringify(made.events)).not.toContain(btoa("wrong"));
});
