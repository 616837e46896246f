/** Outbox: overflow policies, and a model that any sequence of calls must agree with (seeded). */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Outbox } from "../../../firmware/connection/outbox.ts";
import type { OutboundMessage, Priority } from "../../../firmware/connection/types.ts";

const SEED = 20_261_121;

interface Named extends OutboundMessage {
  name: string;
}

function message(name: string, bytes = 10, priority: Priority = "normal"): Named {
  return { name, payload: new Uint8Array(bytes), priority };
}

function outboxOf(limits: ConstructorParameters<typeof Outbox>[0]) {
  const settled: string[] = [];
  const outbox = new Outbox(limits, (gone, outcome) =>
    settled.push(`${(gone as Named).name} ${outcome}`),
  );
  return { outbox, settled };
}

describe("overflow", () => {
  it("dropOldest makes room from the oldest waiting message on", () => {
    const { outbox, settled } = outboxOf({ countMax: 3 });
    for (const name of ["a", "b", "c", "d"]) expect(outbox.offer(message(name))).toBe(true);
    expect(settled).toEqual(["a dropped"]);
    expect((outbox.peek() as Named).name).toBe("b");
  });

  it("refuse keeps what is there", () => {
    const { outbox, settled } = outboxOf({ countMax: 2, overflow: "refuse" });
    expect(["a", "b", "c"].map((name) => outbox.offer(message(name)))).toEqual([true, true, false]);
    expect(settled).toEqual([]);
  });

  it("never drops what is in flight", () => {
    const { outbox, settled } = outboxOf({ countMax: 2 });
    outbox.offer(message("a"));
    outbox.sent(1);
    outbox.offer(message("b"));
    outbox.offer(message("c"));
    expect(settled).toEqual(["b dropped"]);
    outbox.sent(2);
    expect(outbox.offer(message("d"))).toBe(false);
  });

  it("drops normal messages before high ones, and high ones only for a high one", () => {
    const { outbox, settled } = outboxOf({ countMax: 3 });
    outbox.offer(message("alarm1", 10, "high"));
    outbox.offer(message("n"));
    outbox.offer(message("alarm2", 10, "high"));
    outbox.offer(message("alarm3", 10, "high"));
    expect(settled).toEqual(["n dropped"]);
    expect(outbox.offer(message("n2"))).toBe(false);
    expect(outbox.offer(message("alarm4", 10, "high"))).toBe(true);
    expect(settled).toEqual(["n dropped", "alarm1 dropped"]);
  });

  it("drops nothing for a message that would not fit anyway", () => {
    const { outbox, settled } = outboxOf({ bytesMax: 200 });
    outbox.offer(message("a", 100));
    expect(outbox.offer(message("huge", 500))).toBe(false);
    expect(settled).toEqual([]);
  });
});

it("keeps order over a lost session", () => {
  const { outbox, settled } = outboxOf({});
  for (const name of ["a", "b", "c"]) outbox.offer(message(name));
  outbox.sent(1);
  outbox.sent(2);
  expect(outbox.acknowledged(2)).toBe(true);
  outbox.requeue();
  expect(outbox.acknowledged(1)).toBe(false);
  expect((outbox.peek() as Named).name).toBe("a");
  outbox.clear();
  expect(settled).toEqual(["b acknowledged", "a dropped", "c dropped"]);
  expect([outbox.count, outbox.bytes, outbox.inFlight]).toEqual([0, 0, 0]);
});

it(`stays within its bounds and settles each accepted message once, whatever happens (seed ${SEED})`, () => {
  const limits = { bytesMax: 400, countMax: 6 };
  const step = fc.oneof(
    fc.record({ kind: fc.constant("offer"), bytes: fc.nat(150), high: fc.boolean() }),
    fc.record({
      kind: fc.constantFrom("send", "ack", "requeue"),
      bytes: fc.nat(5),
      high: fc.boolean(),
    }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.boolean(), (steps, refuses) => {
      const { outbox, settled } = outboxOf({
        ...limits,
        overflow: refuses ? "refuse" : "dropOldest",
      });
      const accepted: string[] = [];
      const flying: number[] = [];
      let id = 0;
      for (const [index, { kind, bytes, high }] of steps.entries()) {
        if (kind === "offer") {
          const before = settled.length;
          const isTaken = outbox.offer(message(`m${index}`, bytes, high ? "high" : "normal"));
          if (isTaken) accepted.push(`m${index}`);
          else expect(settled.length).toBe(before);
        } else if (kind === "send" && outbox.peek()) {
          outbox.sent(++id);
          flying.push(id);
        } else if (kind === "ack" && flying.length > 0) {
          const [acknowledged] = flying.splice(bytes % flying.length, 1);
          expect(outbox.acknowledged(acknowledged!)).toBe(true);
        } else if (kind === "requeue") {
          outbox.requeue();
          flying.length = 0;
        }
        expect(outbox.count).toBeLessThanOrEqual(limits.countMax);
        expect(outbox.bytes).toBeLessThanOrEqual(limits.bytesMax);
        expect(outbox.inFlight).toBe(flying.length);
      }
      outbox.clear();
      expect(outbox.bytes).toBe(0);
      const names = settled.map((line) => line.split(" ")[0]!);
      expect([...names].sort()).toEqual([...accepted].sort());
    }),
    { seed: SEED, numRuns: 1000 },
  );
});
