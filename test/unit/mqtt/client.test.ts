// MqttClient: connecting, subscribing, publishing, ids, window, queue, retransmission.
import { expect, test } from "vitest";
import { GodwitError } from "../../../firmware/codec/error.ts";
import { brief, CONNECT, Session } from "../../support/scripted-broker.ts";

test("CONNECT, SUBSCRIBE and PUBLISH leave in one flight, before CONNACK", () => {
  const session = new Session();
  const { client } = session;
  client.connect({ ...CONNECT, username: "u", password: "p" }, 0);
  client.subscribe([{ filter: "a/#", qos: 1 }], 0);
  session.publish("t", "x");
  session.publish("now", "", 0);
  const flight = client.pull(10_000, 0)!;
  expect(client.pull(10_000, 0)).toBeUndefined();
  expect(Buffer.from(flight).toString("latin1")).toMatch(/MQTT.*dev1.*a\/#.*now.*t.*x/s);
});

test("not pipelined: nothing but CONNECT leaves before CONNACK", () => {
  const session = new Session({ isPipelined: false }).open({}, false);
  session.client.subscribe([{ filter: "a", qos: 0 }], 0);
  session.publish("t");
  expect(session.flush()).toEqual([]);
  expect(session.received.map(brief)).toEqual(["connect"]);
  session.send({ cmd: "connack", returnCode: 0, sessionPresent: false });
  expect(session.flush()).toEqual(["subscribe 1", "publish 2 t"]);
});

test.each([1, 2, 3, 4, 5])("CONNACK code %d is surfaced, then the connection is closed", (code) => {
  const session = new Session().open({}, false);
  session.publish("kept");
  session.send({ cmd: "connack", returnCode: code, sessionPresent: false });
  expect(session.take()).toEqual([`connack ${code} false`, `closed refused ${code}`]);
  expect(session.client).toMatchObject({ isOpen: false, unacknowledged: 1 });
  expect(session.client.nextDeadlineMs()).toBe(Number.POSITIVE_INFINITY);
});

test("a handler of a refused CONNACK may give up and begin anew", () => {
  const session: Session = new Session(
    {},
    {
      onConnack: (code) => {
        session.log.push(`connack ${code}`);
        if (code === 0) return;
        session.client.abort("elsewhere");
        session.open({}, false);
      },
    },
  );
  session.open({}, false);
  session.send({ cmd: "connack", returnCode: 3, sessionPresent: false });
  session.send({ cmd: "connack", returnCode: 0, sessionPresent: false });
  expect(session.take()).toEqual(["connack 3", "closed transport elsewhere", "connack 0"]);
  expect(session.client.isOpen).toBe(true);
});

test("SUBACK gives the granted QoS per filter, 0x80 included; UNSUBACK answers UNSUBSCRIBE", () => {
  const session = new Session().open();
  const asked = ["a", "b", "c"].map((filter) => ({ filter, qos: 1 }) as const);
  expect(session.client.subscribe(asked, 0)).toBe(1);
  expect(session.client.unsubscribe(["a", "b"], 0)).toBe(2);
  expect(session.flush()).toEqual(["subscribe 1", "unsubscribe 2"]);
  session.send({ cmd: "suback", messageId: 1, granted: [1, 0, 128] });
  session.send({ cmd: "unsuback", messageId: 2, granted: [] });
  expect(session.take()).toEqual(["connack 0 true", "suback 1 1,0,128", "unsuback 2"]);
});

test("calls are refused while no connection is open, and a second connect is a mistake", () => {
  const session = new Session();
  expect(session.client.subscribe([{ filter: "a", qos: 0 }], 0)).toBeUndefined();
  expect(session.publish("t", "", 0)).toBeUndefined();
  expect(session.publish("t", "", 1)).toBe(1);
  session.open();
  expect(() => session.open()).toThrow(GodwitError);
});

test("at most eight publishes are in flight; PUBACKs let others follow in order", () => {
  const session = new Session().open();
  const ids = Array.from({ length: 10 }, (_, i) => session.publish(`t${i}`));
  expect(session.flush()).toHaveLength(8);
  session.send({ cmd: "puback", messageId: ids[3]! });
  expect(session.flush()).toEqual([`publish ${ids[8]} t8`]);
  session.send({ cmd: "puback", messageId: ids[0]! });
  expect(session.flush()).toEqual([`publish ${ids[9]} t9`]);
  expect(session.publish("urgent", "", 0)).toBe(0);
  expect(session.flush()).toEqual(["publish 0 urgent"]);
});

test("the queue refuses past its count and its bytes; streamed payloads do not count", () => {
  const session = new Session({ limits: { queueMax: 3, queueBytesMax: 1000 } });
  expect(session.publish("a", "x".repeat(500))).toBeDefined();
  expect(session.publish("a", "x".repeat(500))).toBeUndefined();
  const payload = { byteLength: 1e6, read: () => new Uint8Array(0) };
  expect(session.client.publish({ topic: "big", payload, qos: 1 }, 0)).toBeDefined();
  expect(session.publish("a")).toBeDefined();
  expect(session.publish("a")).toBeUndefined();
  session.open();
  session.send({ cmd: "puback", messageId: 1 });
  expect(session.publish("a", "x".repeat(500))).toBeDefined();
});

test("urgent packets and pending subscriptions are bounded, too", () => {
  const session = new Session({ limits: { urgentMax: 2, subscriptionsPendingMax: 1 } }).open();
  expect(session.client.unsubscribe(["a"], 0)).toBeDefined();
  expect(session.client.unsubscribe(["a"], 0)).toBeUndefined();
  expect(session.publish("t", "", 0)).toBe(0);
  expect(session.publish("t", "", 0)).toBeUndefined();
});

test("packet ids wrap from 65535 to 1 and pass over those in use", () => {
  const session = new Session().open();
  const held = [
    session.publish("held"),
    session.publish("held"),
    session.client.unsubscribe(["x"], 0),
  ];
  session.flush();
  expect(held).toEqual([1, 2, 3]);
  let last = 3;
  let wraps = 0;
  for (let round = 0; round < 70_000; round++) {
    const id = session.publish("t")!;
    if (id !== last + 1) {
      expect([last, id]).toEqual([65_535, 4]);
      wraps++;
    }
    last = id;
    session.client.pull(1000, 0);
    session.client.receive(Uint8Array.of(0x40, 2, id >> 8, id), 0);
  }
  expect(wraps).toBe(1);
  expect(session.client.unacknowledged).toBe(2);
});

test("no retransmission while the connection lives; after reconnecting in order, DUP if sent before", () => {
  const session = new Session({ limits: { inFlightMax: 2 } }).open();
  const ids = ["a", "b", "c"].map((topic) => session.publish(topic)!);
  expect(session.flush()).toHaveLength(2);
  session.advance(20_000);
  expect(session.received.filter((packet) => packet.cmd === "publish")).toHaveLength(2);
  session.send({ cmd: "puback", messageId: ids[0]! });
  session.client.abort("reset");
  session.publish("d");
  session.received.length = 0;
  session.open();
  expect(session.received.map(brief)).toEqual([
    "connect",
    `publish ${ids[1]} dup b`,
    `publish ${ids[2]} c`,
  ]);
  for (const id of ids.slice(1)) session.send({ cmd: "puback", messageId: id });
  expect(session.flush()).toEqual(["publish 4 d"]);
  expect(session.take()).toEqual([
    "connack 0 true",
    "puback 1",
    "closed transport reset",
    "connack 0 true",
    "puback 2",
    "puback 3",
  ]);
});

test("a publish cut in the middle is sent whole again, with DUP", () => {
  const session = new Session().open();
  session.publish("t", "0123456789");
  session.client.pull(7, 0);
  session.client.abort("");
  session.received.length = 0;
  session.open();
  expect(session.received[1]).toMatchObject({ dup: true, payload: Buffer.from("0123456789") });
});

test("a clean session starts anew: what is unacknowledged goes out as a first attempt", () => {
  const session = new Session().open();
  session.publish("t");
  session.flush();
  session.client.abort("");
  session.open();
  session.client.abort("");
  session.received.length = 0;
  session.open({ cleanSession: true });
  expect(session.received.map(brief)).toEqual(["connect", "publish 1 t"]);
});

test("QoS 0 and subscriptions die with their connection", () => {
  const session = new Session().open();
  session.publish("q0", "", 0);
  session.client.subscribe([{ filter: "a", qos: 0 }], 0);
  session.client.abort("");
  session.received.length = 0;
  session.open();
  expect(session.received.map(brief)).toEqual(["connect"]);
});

test("DISCONNECT follows what is urgent; publishes wait for the next connection", () => {
  const session = new Session().open();
  session.publish("q0", "", 0);
  session.publish("q1");
  session.client.disconnect(0);
  session.client.disconnect(0);
  expect(session.publish("late", "", 0)).toBeUndefined();
  expect(session.flush(1)).toEqual(["publish 0 q0", "disconnect"]);
  expect(session.take()).toEqual(["connack 0 true", "closed disconnected"]);
  session.client.abort("afterwards");
  expect(session.take()).toEqual([]);
  session.open();
  expect(session.received.map(brief).slice(-2)).toEqual(["connect", "publish 1 q1"]);
});

test("an owner that pulls no more hears of the end by its timer, or when the peer hangs up first", () => {
  const session = new Session().open();
  session.take();
  session.client.disconnect(5);
  expect(session.client.pull(100, 5)).toHaveLength(2);
  expect(session.take()).toEqual([]);
  expect(session.client.nextDeadlineMs()).toBe(5);
  session.client.tick(5);
  expect(session.take()).toEqual(["closed disconnected"]);
  session.open().client.disconnect(5);
  session.client.pull(100, 5);
  session.client.abort("peer closed");
  expect(session.take().at(-1)).toBe("closed disconnected peer closed");
});

test("DISCONNECT before CONNACK: the late CONNACK changes nothing", () => {
  const session = new Session().open({}, false);
  session.client.disconnect(0);
  session.send({ cmd: "connack", returnCode: 0, sessionPresent: false });
  session.publish("q1");
  expect(session.flush()).toEqual(["disconnect"]);
  expect(session.take()).toEqual(["connack 0 false", "closed disconnected"]);
});

test("a new connection may begin inside onClosed, during receive and during pull", () => {
  const session: Session = new Session(
    {},
    {
      onClosed: (reason) => {
        session.log.push(reason);
        if (session.log.length < 6) session.open({}, false);
      },
    },
  );
  session.open();
  session.client.receive(Uint8Array.of(0xf0, 0, 0xd0, 0, 0x20, 2, 0, 0), 0);
  expect(session.client.isOpen).toBe(true);
  session.client.disconnect(0);
  session.flush();
  expect(session.take()).toEqual(["connack 0 true", "malformed", "disconnected"]);
  expect(session.received.map(brief)).toEqual(["connect", "connect", "disconnect", "connect"]);
});
