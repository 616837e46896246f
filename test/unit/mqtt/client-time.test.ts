// MqttClient: keep-alive, half-open detection, streamed payloads under back-pressure. All time is virtual.
import { expect, test } from "vitest";
import type { PayloadSource } from "../../../firmware/mqtt/events.ts";
import { brief, Session } from "../../support/scripted-broker.ts";

const NEVER = Number.POSITIVE_INFINITY;
const pings = (session: Session) =>
  session.received.filter((packet) => packet.cmd === "pingreq").length;

test("PINGREQ leaves an eighth before the keep-alive ends; a sent packet postpones it while the peer is heard", () => {
  const session = new Session().open({ keepAliveS: 80 });
  expect(session.client.nextDeadlineMs()).toBe(70_000);
  session.advance(50_000);
  session.publish("t", "", 0);
  session.flush();
  expect(session.client.nextDeadlineMs()).toBe(70_000);
  session.message("heard");
  expect(session.client.nextDeadlineMs()).toBe(120_000);
  session.advance(69_999);
  expect(pings(session)).toBe(0);
  session.advance(1);
  expect(pings(session)).toBe(1);
  session.send({ cmd: "pingresp" });
  session.advance(69_999);
  expect(pings(session)).toBe(1);
  expect(session.client.isOpen).toBe(true);
});

test("a device that sends QoS 0 all the time notices that nobody hears", () => {
  const session = new Session().open({ keepAliveS: 80 });
  for (let i = 0; i < 12 && session.client.isOpen; i++) {
    session.publish("t", "", 0);
    session.flush();
    session.advance(10_000);
  }
  expect(pings(session)).toBe(1);
  expect(session.client.isOpen).toBe(false);
});

test("keep-alive 0: no PINGREQ, no deadline", () => {
  const session = new Session().open({ keepAliveS: 0 });
  expect(session.client.nextDeadlineMs()).toBe(NEVER);
});

test("a keep-alive shorter than the answer timeout is kept while an answer is due", () => {
  const session = new Session().open({ keepAliveS: 8 });
  session.advance(29_000);
  expect(pings(session)).toBe(4);
  session.send({ cmd: "pingresp" });
  session.advance(20_000);
  expect(session.client.isOpen).toBe(true);
});

test.each<[string, (session: Session) => void, string]>([
  ["CONNECT", (s) => s.open({}, false), "CONNACK"],
  [
    "PUBLISH",
    (s) => {
      s.open().publish("t");
      s.flush();
    },
    "PUBACK",
  ],
  [
    "SUBSCRIBE",
    (s) => {
      s.open().client.subscribe([{ filter: "a", qos: 0 }], 0);
      s.flush();
    },
    "SUBACK",
  ],
  ["PINGREQ", (s) => s.open({ keepAliveS: 8 }).advance(7000), "PINGRESP"],
])("%s without answer means: the link is dead, however much else is sent", (_, ask, missing) => {
  const session = new Session();
  ask(session);
  session.take();
  const endMs = session.nowMs + 30_000;
  while (session.nowMs < endMs - 1000) {
    session.advance(1000);
    session.publish("busy", "", 0);
    session.flush();
  }
  expect(session.take()).toEqual([]);
  session.advance(1000);
  expect(session.take()).toEqual([`closed timeout ${missing}`]);
  expect(session.client.nextDeadlineMs()).toBe(NEVER);
});

test("the age of the oldest publish counts, not of the last", () => {
  const session = new Session({ limits: { answerTimeoutMs: 10_000 } }).open();
  session.publish("first");
  session.flush();
  session.advance(6000);
  const second = session.publish("second")!;
  session.flush();
  session.send({ cmd: "puback", messageId: second });
  session.advance(4000);
  expect(session.take().at(-1)).toBe("closed timeout PUBACK");
});

test("answered in time, a busy connection lives", () => {
  const session = new Session().open();
  for (let second = 0; second < 600; second++) {
    const messageId = session.publish("t")!;
    session.flush();
    session.advance(20_000);
    session.send({ cmd: "puback", messageId });
  }
  expect(session.client.isOpen).toBe(true);
  expect(pings(session)).toBe(0);
});

test("output that nobody takes for the answer timeout means: the transport is stuck", () => {
  const session = new Session().open();
  session.publish("t");
  expect(session.client.nextDeadlineMs()).toBe(30_000);
  session.nowMs = 29_999;
  session.client.tick(session.nowMs);
  expect(session.client.pull(1, session.nowMs)).toHaveLength(1);
  expect(session.client.nextDeadlineMs()).toBe(59_999);
  session.client.tick(59_999);
  expect(session.take()).toEqual(["connack 0 true", "closed stalled"]);
});

test("ticks at odd times and by a clock that stands still do nothing", () => {
  const session = new Session().open();
  session.publish("t");
  session.flush();
  for (let i = 0; i < 100; i++) session.client.tick(0);
  expect(session.client.pull(100, 0)).toBeUndefined();
  expect(session.take()).toEqual(["connack 0 true"]);
});

function source(byteLength: number, read?: PayloadSource["read"]) {
  const asked: [number, number][] = [];
  const payload: PayloadSource = {
    byteLength,
    read: (offset, maxBytes) => {
      asked.push([offset, maxBytes]);
      if (read) return read(offset, maxBytes);
      return Uint8Array.from({ length: Math.min(maxBytes, 100) }, (_, i) => (offset + i) & 255);
    },
  };
  return { payload, asked };
}

test("a large payload is fetched in pieces no larger than the wire takes", () => {
  const session = new Session().open();
  const { payload, asked } = source(100_000);
  const id = session.client.publish({ topic: "big", payload, qos: 1 }, 0)!;
  expect(asked).toEqual([]);
  expect(session.client.pull(64, 0)).toHaveLength(64);
  expect(asked.every(([, maxBytes]) => maxBytes <= 64)).toBe(true);
  session.publish("q0", "", 0);
  session.client.abort("the line breaks in the middle");
  session.open();
  session.flush(1460);
  const sent = session.received.at(-1)!;
  expect(sent).toMatchObject({ cmd: "publish", topic: "big", dup: true, messageId: id });
  const expected = Buffer.from(Uint8Array.from({ length: 100_000 }, (_, i) => i & 255));
  expect(sent.cmd === "publish" && expected.equals(sent.payload as Buffer)).toBe(true);
  session.send({ cmd: "puback", messageId: id });
  expect(session.client.unacknowledged).toBe(0);
});

test("a source that is not ready is asked again later; waiting too long closes", () => {
  let ready = new Uint8Array(0);
  const session = new Session().open();
  const { payload } = source(4, () => ready);
  session.client.publish({ topic: "t", payload, qos: 0 }, 0);
  expect(session.client.pull(100, 0)).toHaveLength(5);
  expect(session.client.pull(100, 5000)).toBeUndefined();
  ready = new Uint8Array(4);
  expect(session.client.pull(100, 6000)).toHaveLength(4);
  ready = new Uint8Array(0);
  session.client.publish({ topic: "t", payload, qos: 0 }, 7000);
  session.client.pull(100, 7000);
  session.nowMs = 7000;
  session.advance(30_000);
  expect(session.take().at(-1)).toBe("closed stalled");
});

test.each<[string, PayloadSource["read"]]>([
  [
    "throws",
    () => {
      throw new Error("flash died");
    },
  ],
  ["gives too much", (_, maxBytes) => new Uint8Array(maxBytes + 1)],
  ["gives nonsense", () => undefined as unknown as Uint8Array],
])("a source that %s closes the connection and loses only its own message", (_, read) => {
  const session = new Session().open();
  session.publish("before");
  const id = session.client.publish({ topic: "bad", payload: source(50, read).payload, qos: 1 }, 0);
  session.publish("after");
  expect(session.flush()).toEqual([]);
  const log = session.take();
  expect(log[1]).toMatch(/^error /);
  expect(log[2]).toBe(`closed source ${id}`);
  session.open();
  expect(session.received.slice(-2).map(brief)).toEqual([
    "publish 1 dup before",
    "publish 3 after",
  ]);
});
