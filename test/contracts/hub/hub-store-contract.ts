// What every HubStore promises; called with the store in memory and the one on disk.
import { afterEach, beforeEach, expect, test } from "vitest";
import type { HubEvent } from "../../../host-tools/hub/core/event.ts";
import type { HubStore } from "../../../host-tools/hub/core/store.ts";

export function makeEvent(sequenceNumber: number, body = `body ${sequenceNumber}`): HubEvent {
  return {
    sequenceNumber,
    partition: sequenceNumber % 4,
    enqueuedMs: 1_795_000_000_000 + sequenceNumber,
    source: "Telemetry",
    origin: { deviceId: "dev1", generationId: "g1", authMethod: '{"scope":"device"}' },
    body: new TextEncoder().encode(body),
    systemProperties: { "message-id": `m${sequenceNumber}`, "user-id": null },
    properties: { alert: "true", empty: "", __proto__x: "ok" },
  };
}

/** Runs the suite on fresh stores. */
export function testHubStore(open: () => HubStore, dispose: () => void = () => {}): void {
  let store: HubStore;
  beforeEach(() => {
    store = open();
  });
  afterEach(() => {
    store.close();
    dispose();
  });

  test("documents come back by kind, ordered by key, before and after a commit", () => {
    store.put("twin", "b", { n: 2, text: 'ü "quoted" \u0000' });
    store.put("twin", "a/m", { n: 1, nested: { list: [1, null, true] } });
    store.put("identity", "a", { other: true });
    const expected = [
      ["a/m", { n: 1, nested: { list: [1, null, true] } }],
      ["b", { n: 2, text: 'ü "quoted" \u0000' }],
    ];
    expect([...store.load("twin")]).toEqual(expected);
    store.commit();
    expect([...store.load("twin")]).toEqual(expected);
    expect([...store.load("session")]).toEqual([]);
  });

  test("a put replaces, a delete removes, also within one commit", () => {
    store.put("setting", "x", { v: 1 });
    store.put("setting", "x", { v: 2 });
    store.put("setting", "y", { v: 1 });
    store.delete("setting", "y");
    store.delete("setting", "never there");
    store.commit();
    store.delete("setting", "x");
    store.put("setting", "x", { v: 3 });
    expect([...store.load("setting")]).toEqual([["x", { v: 3 }]]);
  });

  test("documents are copies in both directions", () => {
    const document = { list: [1] };
    store.put("c2d", "k", document);
    document.list.push(2);
    const [first] = [...store.load("c2d")];
    (first![1] as typeof document).list.push(3);
    expect([...store.load("c2d")]).toEqual([["k", { list: [1] }]]);
  });

  test("keys like __proto__ are ordinary keys", () => {
    store.put("twin", "__proto__", JSON.parse('{"__proto__":{"polluted":1},"v":1}') as object);
    store.commit();
    const [entry] = [...store.load("twin")];
    expect(entry![0]).toBe("__proto__");
    expect(JSON.stringify(entry![1])).toBe('{"__proto__":{"polluted":1},"v":1}');
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
  });

  test("events come back in order, bodies and properties intact", () => {
    const events = [1, 2, 3].map((number) => makeEvent(number));
    store.appendEvents(events.slice(0, 1));
    store.commit();
    store.appendEvents(events.slice(1));
    expect(store.readEvents(0, 10)).toEqual(events);
    const binary = { ...makeEvent(4), body: Uint8Array.of(0, 255, 128), properties: {} };
    store.appendEvents([binary]);
    expect(store.readEvents(3, 10)).toEqual([binary]);
  });

  test("reading starts after a number and stops at the limit, across commits", () => {
    for (let batch = 0; batch < 5; batch++) {
      store.appendEvents([1, 2, 3].map((step) => makeEvent(batch * 3 + step)));
      store.commit();
    }
    const numbers = (after: number, limit: number) =>
      store.readEvents(after, limit).map((event) => event.sequenceNumber);
    expect(numbers(0, 4)).toEqual([1, 2, 3, 4]);
    expect(numbers(4, 4)).toEqual([5, 6, 7, 8]);
    expect(numbers(14, 100)).toEqual([15]);
    expect(numbers(15, 100)).toEqual([]);
    expect(numbers(0, 0)).toEqual([]);
  });

  test("trimmed events are gone, also from the middle of a commit", () => {
    store.appendEvents([1, 2, 3, 4].map((number) => makeEvent(number)));
    store.commit();
    store.trimEvents(3);
    store.appendEvents([makeEvent(5)]);
    const numbers = () => store.readEvents(0, 10).map((event) => event.sequenceNumber);
    expect(numbers()).toEqual([3, 4, 5]);
    store.commit();
    expect(numbers()).toEqual([3, 4, 5]);
    store.trimEvents(2);
    expect(numbers()).toEqual([3, 4, 5]);
  });
}
