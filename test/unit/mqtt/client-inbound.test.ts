// MqttClient: inbound messages, manual acknowledgement, protocol violations, handlers that throw.
import { generate } from "mqtt-packet";
import { expect, test } from "vitest";
import type { MqttOptions } from "../../../firmware/mqtt/events.ts";
import { serverPacket } from "../../support/mqtt-packets.ts";
import { brief, Session } from "../../support/scripted-broker.ts";
import { seeded } from "../../support/seeded.ts";

function opened(options: MqttOptions = {}): Session {
  const session = new Session(options).open();
  session.take();
  return session;
}

test("empty payloads are delivered and acknowledged like any other, and the stream goes on", () => {
  const session = opened();
  session.message("$iothub/twin/res/204/?$rid=1");
  session.message("empty", "", 1, 7);
  session.message("next", "x");
  expect(session.take()).toEqual([
    "message $iothub/twin/res/204/?$rid=1 ",
    "message empty ",
    "message next x",
  ]);
  expect(session.client.acknowledge(session.tokens[0]!, 0)).toBe(true);
  expect(session.flush()).toEqual(["puback 7"]);
});

test("nothing is acknowledged before the application says so, and then only once", () => {
  const session = opened();
  session.message("c2d", "x", 1, 9);
  session.advance(50_000);
  expect(session.received.filter((packet) => packet.cmd === "puback")).toEqual([]);
  const token = session.tokens[0]!;
  expect(session.client.acknowledge(token + 1, 0)).toBe(false);
  expect(session.client.acknowledge(0, 0)).toBe(false);
  expect(session.client.acknowledge(token, session.nowMs)).toBe(true);
  expect(session.client.acknowledge(token, session.nowMs)).toBe(false);
  expect(session.flush()).toEqual(["puback 9"]);
});

test("PUBACKs leave in the order of arrival, whatever the order of acknowledgement", () => {
  const session = opened();
  for (const id of [5, 6, 7]) session.message("m", "", 1, id);
  const [first, second, third] = session.tokens as [number, number, number];
  session.client.acknowledge(third, 0);
  session.client.acknowledge(second, 0);
  expect(session.flush()).toEqual([]);
  session.client.acknowledge(first, 0);
  expect(session.flush()).toEqual(["puback 5", "puback 6", "puback 7"]);
});

test("a token of an earlier connection acknowledges nothing, even if the id is the same", () => {
  const session = opened();
  session.message("m", "", 1, 5);
  session.client.abort("");
  session.open();
  session.message("other", "", 1, 5);
  expect(session.client.acknowledge(session.tokens[0]!, 0)).toBe(false);
  expect(session.client.acknowledge(session.tokens[1]!, 0)).toBe(true);
  expect(session.flush()).toEqual(["puback 5"]);
});

test("PUBACKs wait when the urgent queue is full, and are not lost", () => {
  const session = opened({ limits: { urgentMax: 1 } });
  session.message("m", "", 1, 5);
  session.message("m", "", 1, 6);
  session.publish("q0", "", 0);
  for (const token of session.tokens) session.client.acknowledge(token, 0);
  expect(session.flush()).toEqual(["publish 0 q0", "puback 5", "puback 6"]);
});

test("a repeated delivery (DUP) of a pending message is passed over; a reused id is a violation", () => {
  const session = opened();
  session.message("m", "x", 1, 5);
  session.message("m", "x", 1, 5, true);
  session.message("q0", "still open");
  session.message("m", "y", 1, 5);
  expect(session.take()).toEqual([
    "message m x",
    "message q0 still open",
    "closed protocol packet id in use",
  ]);
});

test("unacknowledged messages past the bound are refused and stay with the server", () => {
  const session = opened({ limits: { unacknowledgedMax: 2 } });
  for (const id of [1, 2, 3]) session.message("m", `${id}`, 1, id);
  session.message("q0", "x");
  expect(session.take()).toEqual(["message m 1", "message m 2", "refused m 1", "message q0 x"]);
  expect(session.tokens[2]).toBe(0);
  session.client.acknowledge(session.tokens[0]!, 0);
  session.flush();
  session.message("m", "4", 1, 4);
  expect(session.take()).toEqual(["message m 4"]);
});

test("a payload over the bound is refused without a part handler, and can be acknowledged away", () => {
  const session = opened({ limits: { payloadBytesMax: 10 } });
  session.message("big", "x".repeat(11), 1, 3);
  session.message("fits", "x".repeat(10));
  expect(session.take()).toEqual(["refused big 11", `message fits ${"x".repeat(10)}`]);
  expect(session.client.acknowledge(session.tokens[0]!, 0)).toBe(true);
  expect(session.flush()).toEqual(["puback 3"]);
});

test("with a part handler it arrives in parts as the transport delivers them", () => {
  const parts: string[] = [];
  const session = new Session(
    { limits: { payloadBytesMax: 10 } },
    {
      onPublishPart: (message, part, offset) =>
        parts.push(`${message.topic} ${offset} ${Buffer.from(part)} of ${message.payloadBytes}`),
    },
  ).open();
  const bytes = generate({
    cmd: "publish",
    topic: "big",
    payload: "0123456789abcdef",
    qos: 0,
    dup: false,
    retain: false,
  });
  session.client.receive(bytes.subarray(0, 14), 0);
  session.client.receive(bytes.subarray(14), 0);
  session.message("small", "x");
  expect(parts).toEqual(["big 0 0123456 of 16", "big 7 789abcdef of 16"]);
  expect(session.take()).toEqual(["connack 0 true", "message small x"]);
});

test("a topic over the bound does not poison the connection", () => {
  const session = opened({ limits: { topicBytesMax: 5 } });
  session.message("longer", "x", 1, 3);
  expect(session.client.acknowledge(session.tokens[0]!, 0)).toBe(true);
  expect(session.flush()).toEqual(["puback 3"]);
  expect(session.take()).toEqual(["refused  1"]);
});

test.each<[string, (session: Session) => void, string]>([
  [
    "CONNACK twice",
    (s) => s.send({ cmd: "connack", returnCode: 0, sessionPresent: false }),
    "protocol CONNACK twice",
  ],
  [
    "PUBACK for an unknown id",
    (s) => s.send({ cmd: "puback", messageId: 9 }),
    "protocol PUBACK id",
  ],
  [
    "PUBACK for a publish not sent yet",
    (s) => s.send({ cmd: "puback", messageId: s.publish("t")! }),
    "protocol PUBACK id",
  ],
  [
    "PUBACK for a publish sent in part",
    (s) => {
      const messageId = s.publish("t", "0123456789")!;
      s.client.pull(8, 0);
      s.send({ cmd: "puback", messageId });
    },
    "protocol PUBACK id",
  ],
  [
    "SUBACK for an unknown id",
    (s) => s.send({ cmd: "suback", messageId: 9, granted: [0] }),
    "protocol SUBACK id",
  ],
  [
    "SUBACK with too many codes",
    (s) => {
      s.client.subscribe([{ filter: "a", qos: 0 }], 0);
      s.flush();
      s.send({ cmd: "suback", messageId: 1, granted: [0, 0] });
    },
    "protocol SUBACK id",
  ],
  [
    "UNSUBACK for a SUBSCRIBE",
    (s) => {
      s.client.subscribe([{ filter: "a", qos: 0 }], 0);
      s.flush();
      s.send({ cmd: "unsuback", messageId: 1, granted: [] });
    },
    "protocol SUBACK id",
  ],
  [
    "QoS 2",
    (s) => s.client.receive(Uint8Array.of(0x34, 5, 0, 1, 0x61, 0, 1), 0),
    "protocol publish flags",
  ],
  [
    "reserved packet type",
    (s) => s.client.receive(Uint8Array.of(0xf0, 0), 0),
    "malformed fixed header",
  ],
])("%s closes the connection with its reason", (_, violate, expected) => {
  const session = opened();
  violate(session);
  session.message("after", "x");
  expect(session.take()).toEqual([`closed ${expected}`]);
  expect(session.flush()).toEqual([]);
});

test.each(["suback", "unsuback", "puback", "pingresp", "publish"] as const)(
  "%s before CONNACK is a violation",
  (cmd) => {
    const session = new Session().open({}, false);
    if (cmd === "publish") session.message("t");
    else if (cmd === "pingresp") session.send({ cmd });
    else session.send({ cmd, messageId: 1, granted: cmd === "suback" ? [0] : [] });
    expect(session.take()).toEqual(["closed protocol packet before CONNACK"]);
  },
);

test("every handler may throw: all are reported, nothing escapes, nothing is lost", () => {
  const fail = (what: string) => () => {
    throw new Error(what);
  };
  const names = [
    "onConnack",
    "onPublish",
    "onPublishPart",
    "onRefused",
    "onAcknowledged",
    "onSuback",
    "onUnsuback",
    "onClosed",
  ];
  const handlers = Object.fromEntries(names.map((name) => [name, fail(name)]));
  const session = new Session({ limits: { payloadBytesMax: 4, topicBytesMax: 4 } }, handlers);
  const { client } = session;
  session.open();
  client.subscribe([{ filter: "a", qos: 0 }], 0);
  client.unsubscribe(["a"], 0);
  session.publish("t");
  session.flush();
  const plain = { cmd: "publish", qos: 0, dup: false, retain: false } as const;
  const bytes = Buffer.concat([
    generate({ cmd: "suback", messageId: 1, granted: [0] }),
    generate({ cmd: "unsuback", messageId: 2, granted: [] }),
    generate({ cmd: "puback", messageId: 3 }),
    generate({ ...plain, topic: "a", payload: "" }),
    generate({ ...plain, topic: "b", payload: "12345" }),
    generate({ ...plain, topic: "toolong", payload: "" }),
    generate({ ...plain, topic: "c", payload: "x" }),
    generate({ cmd: "puback", messageId: 3 }),
  ]);
  client.receive(bytes, 0);
  expect(session.take()).toEqual(
    [
      "onConnack",
      "onSuback",
      "onUnsuback",
      "onAcknowledged",
      "onPublish",
      "onPublishPart",
      "onRefused",
      "onPublish",
      "onClosed",
    ].map((name) => `error ${name}`),
  );
  expect(client).toMatchObject({ isOpen: false, unacknowledged: 0 });
});

test("even an onError that throws does no harm", () => {
  const fail = () => {
    throw new Error("twice");
  };
  const session = new Session({}, { onPublish: fail, onError: fail }).open();
  session.message("t");
  session.message("t");
  session.send({ cmd: "pingresp" });
  expect(session.client.isOpen).toBe(true);
});

test("mutated and random streams end in a typed close or go on; nothing is thrown", () => {
  const random = seeded("mqtt client garbage");
  const reasons = new Set<string>();
  for (let round = 0; round < 2000; round++) {
    const session = opened({ limits: { payloadBytesMax: 50, packetBytesMax: 1000 } });
    session.publish("t");
    session.flush();
    const bytes = random.chance(0.3)
      ? random.bytes(50)
      : Buffer.concat(Array.from({ length: 4 }, () => serverPacket(random).bytes));
    bytes[random.int(bytes.length)] = random.int(256);
    const cut = random.int(bytes.length);
    session.client.receive(bytes.subarray(0, cut), 0);
    session.client.receive(bytes.subarray(cut), 0);
    const closed = session.log.filter((line) => line.startsWith("closed"));
    const isTold = closed.length === (session.client.isOpen ? 0 : 1);
    reasons.add(closed[0]?.split(" ")[1] ?? "open");
    if (!isTold || session.log.some((line) => line.startsWith("error")))
      expect(session.log).toEqual([]);
  }
  expect([...reasons].sort()).toEqual(["malformed", "open", "protocol", "too-large"]);
});

test("bytes that arrive after the end are ignored", () => {
  const session = opened();
  session.client.abort("gone");
  session.message("late", "x");
  expect(session.take()).toEqual(["closed transport gone"]);
  expect(session.received.map(brief)).toEqual(["connect"]);
});
