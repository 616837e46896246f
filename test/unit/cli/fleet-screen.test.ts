// Keys of the live screen: each does what its label says, to the board that is chosen, in bursts too.
import { expect, test } from "vitest";
import { fleetActions } from "../../../host-tools/cli/sim/fleet-actions.ts";
import { type FleetActions, showFleet } from "../../../host-tools/cli/view/fleet-screen.ts";
import type { BoardView, FleetView } from "../../../host-tools/sim/fleet-view.ts";
import { arrow, Keyboard } from "../../support/keyboard.ts";

function board(id: string, reported: unknown = {}): BoardView {
  return {
    ...{ id, power: "on", boots: 1, isConnected: true, isCut: false, messages: 0, bytes: 0 },
    ...{ latest: {}, history: [], desired: {}, reported, heapBytes: 0, failure: undefined },
  };
}

function fleetView(...ids: string[]): FleetView {
  return {
    ...{ title: "test", hub: "localhost", elapsedMs: 0, log: [] },
    ...{ boards: ids.map((id) => board(id)), twinPatches: 0, methods: 0, errors: 0 },
  };
}

/** Shows a fleet, presses the bursts one after the other, quits; gives what was done and drawn. */
async function pressed(bursts: readonly string[][], quit = "q") {
  const done: string[] = [];
  const actions: FleetActions = {
    changeTarget: (id, step) => done.push(`${id} ${step}`),
    callMethod: (id) => done.push(`${id} method`),
    sendMessage: (id) => done.push(`${id} message`),
    toggleNetwork: (id) => done.push(`${id} network`),
    togglePower: (id) => done.push(`${id} power`),
  };
  const keyboard = new Keyboard();
  const signal = new AbortController().signal;
  const shown = showFleet(fleetView("a", "b", "c"), actions, signal, keyboard.streams);
  await Promise.race([keyboard.listening, shown]);
  for (const burst of bursts) {
    keyboard.press(...burst);
    await new Promise((resolve) => setImmediate(resolve));
  }
  keyboard.press(quit);
  await shown;
  return { done, drawn: keyboard.drawn };
}

test.each([
  ["+", "a 1"],
  ["=", "a 1"],
  ["-", "a -1"],
  ["m", "a method"],
  ["c", "a message"],
  ["n", "a network"],
  ["p", "a power"],
])("the key %s is %s, once", async (key, done) => {
  expect((await pressed([[key]])).done).toEqual([done]);
});

test("arrows choose a board and stop at the ends; other keys do nothing", async () => {
  const { up, down } = arrow;
  const keys = [up, "m", down, "m", down, "m", down, "m", up, "m", "x", "\r", "\t", " "];
  expect((await pressed(keys.map((key) => [key]))).done.join()).toBe(
    "a method,b method,c method,c method,b method",
  );
});

test("a burst of keys is heard in order: a plug is pulled of the board that the arrows chose", async () => {
  const { up, down } = arrow;
  const { done } = await pressed([["+", "+", down, down, "p", up, "n", "+"]]);
  expect(done).toEqual(["a 1", "a 1", "c power", "b network", "b 1"]);
});

test("with Ctrl or Alt a key is no key of ours; q and Ctrl-C quit", async () => {
  const ctrl = (letter: string) => String.fromCharCode(letter.charCodeAt(0) & 0x1f);
  expect((await pressed([[ctrl("p")], [ctrl("n")], ["\u001bm"]], ctrl("c"))).done).toEqual([]);
  expect((await pressed([["m", "q", "m"]], "")).done).toEqual(["a method"]);
});

test("the screen shows its boards and its keys", async () => {
  const { drawn } = await pressed([]);
  for (const text of ["▸ a", "  c", "connected", "pull plug", "cut network"])
    expect(drawn).toContain(text);
});

test("an aborted signal ends the screen, also before it began", async () => {
  const end = new AbortController();
  const keyboard = new Keyboard();
  const nothing = {} as FleetActions;
  const shown = showFleet(fleetView("a"), nothing, end.signal, keyboard.streams);
  await Promise.race([keyboard.listening, shown]);
  end.abort();
  await shown;
  await showFleet(fleetView("a"), nothing, end.signal, keyboard.streams);
});

/** A hub whose calls are answered when the test says so. */
function actedOn(reported: unknown, desired: unknown = {}) {
  const done: string[] = [];
  const view = fleetView("a");
  Object.assign(view.boards[0]!, { reported, desired });
  const fleet = {
    view,
    board: (id: string) => view.boards.find((one) => one.id === id),
    setNetwork: (id: string, isCut: boolean) => done.push(`${id} cut ${isCut}`),
    setPower: (id: string, isOn: boolean) => done.push(`${id} on ${isOn}`),
    log: (_source: string, level: string, text: string) => done.push(`${level} ${text}`),
  };
  const hub = {
    setDesired: async (id: string, change: object) => {
      await Promise.resolve();
      done.push(`${id} ${JSON.stringify(change)}`);
    },
    invoke: async (id: string, name: string) => Promise.reject(new Error(`${id} ${name} offline`)),
    send: async (id: string, text: string) => void done.push(`${id} ${text}`),
  };
  return { done, view, actions: fleetActions(fleet, hub, "blink") };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

test("steps go on from the last one, before the twin shows it", async () => {
  const reported = { heating: true, target: { value: 20, ac: 200, av: 1 } };
  const { actions, done } = actedOn(reported);
  for (const step of [1, 1, 1, -1]) actions.changeTarget("a", step);
  await settled();
  expect(done.join()).toBe('a {"target":21},a {"target":22},a {"target":23},a {"target":22}');
});

test("steps start at what is desired, where the device has not taken it over yet", async () => {
  const reported = { target: { value: 20, ac: 203, av: 0 } };
  const { actions, done } = actedOn(reported, { target: 25 });
  actions.changeTarget("a", -1);
  await settled();
  expect(done).toEqual(['a {"target":24}']);
});

test("what cannot be done is logged; power and network turn over", async () => {
  const { actions, done, view } = actedOn({ heating: true });
  actions.changeTarget("a", 1);
  actions.callMethod("a");
  actions.sendMessage("a");
  actions.toggleNetwork("a");
  actions.togglePower("a");
  Object.assign(view.boards[0]!, { isCut: true, power: "ended" });
  actions.toggleNetwork("a");
  actions.togglePower("a");
  await settled();
  expect(done).toEqual([
    "warn a reports no writable number",
    "a hello a",
    ...["a cut true", "a on false", "a cut false", "a on true"],
    "warn a blink offline",
  ]);
});
