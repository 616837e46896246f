/** Connection against a scripted broker in virtual time: start, telemetry, renewal, half-open links, containment. */
import { createHmac } from "node:crypto";
import { describe, expect, it } from "vitest";
import { parseSas } from "../../../firmware/connection/sas-parse.ts";
import { World } from "../../../host-tools/sim/world.ts";
import { DEVICE_KEY, HUB, TestDevice } from "../../support/connected-device.ts";
import { ScriptedServer } from "../../support/scripted-server.ts";

const MINUTE = 60_000;

describe("start", () => {
  it("connects with the hub's user name, a persistent session and a token over the right resource", () => {
    const world = new World({ seed: 1 });
    const broker = new ScriptedServer(world, HUB);
    const device = new TestDevice(world, { options: { modelId: "dtmi:com:ex:Thermo;1" } });
    device.connection.start();
    world.clock.runFor(MINUTE);

    expect(device.connection.state).toBe("connected");
    expect(device.states).toEqual(["offline", "connecting", "connected"]);
    const { connect } = broker.last;
    expect(connect).toMatchObject({ clientId: "dev1", clean: false, keepalive: 240 });
    expect(connect.username).toBe(
      "hub.test/dev1/?api-version=2021-04-12&model-id=dtmi:com:ex:Thermo;1",
    );
    const sas = parseSas(connect.password!.toString());
    expect(sas.resource).toBe("hub.test/devices/dev1");
    expect(sas.expiryS - (world.epochMs + broker.last.atMs) / 1000).toBeCloseTo(3600, -1);
    const expected = createHmac("sha256", Buffer.from(DEVICE_KEY, "base64"))
      .update(`${sas.sr}\n${sas.se}`)
      .digest("base64");
    expect(sas.sig).toBe(expected);
  });

  it("sends CONNECT, SUBSCRIBE, twin GET and the first telemetry in one flight", () => {
    const world = new World({ seed: 2, network: { latencyMs: 100, jitterMs: 0 } });
    const silent = () => true;
    const broker = new ScriptedServer(world, HUB, { onPacket: silent });
    const device = new TestDevice(world, {
      handlers: {
        onOpen: () => device.connection.publish("$iothub/twin/GET/?$rid=1", new Uint8Array(0)),
      },
    });
    device.connection.send(device.message("first", { bag: "$.ct=text" }));
    device.connection.start();
    world.clock.runFor(2000);

    expect(broker.last.commands).toEqual(["connect", "subscribe", "publish", "publish"]);
    expect(broker.last.publishes.map(({ topic, qos }) => [topic, qos])).toEqual([
      ["$iothub/twin/GET/?$rid=1", 0],
      ["devices/dev1/messages/events/$.ct=text", 1],
    ]);
    const subscribe = broker.last.packets[1];
    expect(subscribe).toMatchObject({
      subscriptions: [
        { topic: "$iothub/twin/res/#" },
        { topic: "$iothub/twin/PATCH/properties/desired/#" },
        { topic: "$iothub/methods/POST/#" },
        { topic: "devices/dev1/messages/devicebound/#" },
      ],
    });
  });

  it("waits for CONNACK after a server closed on early packets, and repeats nothing before it", () => {
    const world = new World({ seed: 3 });
    let strict = 0;
    const broker = new ScriptedServer(world, HUB, {
      onPacket: (packet, session) => {
        if (packet.cmd === "connect" || session.packets.length > 2) return false;
        if (session.packets.length === 2 && strict++ === 0) session.close();
        return strict === 1;
      },
      connack: (session) => {
        if (strict > 0) return 0;
        // Slow enough that pipelined packets overtake it.
        world.clock.after(500, () =>
          session.send({ cmd: "connack", returnCode: 0, sessionPresent: false }),
        );
        return undefined;
      },
    });
    const device = new TestDevice(world);
    device.connection.send(device.message("a"));
    device.connection.start();
    world.clock.runFor(MINUTE);
    expect(device.connection.state).toBe("connected");
    expect(device.acknowledged).toEqual(["a"]);
    expect(broker.sessions.length).toBe(2);
    // The first session may have stored it.
    expect(broker.last.publishes.map(({ dup }) => dup)).toEqual([true]);
    expect(device.logs.join("\n")).toContain("waiting for CONNACK");
  });

  it("spreads the first connect of a fleet over the given time", () => {
    const starts: number[] = [];
    for (let seed = 1; seed <= 40; seed++) {
      const world = new World({ seed });
      const broker = new ScriptedServer(world, HUB);
      const device = new TestDevice(world, { options: { firstConnectSpreadMs: 30_000 } });
      device.connection.start();
      world.clock.runFor(31_000);
      starts.push(broker.sessions[0]!.atMs);
    }
    expect(Math.max(...starts)).toBeGreaterThan(20_000);
    expect(Math.min(...starts)).toBeLessThan(10_000);
    expect(new Set(starts).size).toBeGreaterThan(35);
  });
});

describe("telemetry", () => {
  it("delivers in order and settles each message once", () => {
    const world = new World({ seed: 4 });
    const broker = new ScriptedServer(world, HUB);
    const device = new TestDevice(world);
    const names = Array.from({ length: 30 }, (_, index) => `m${index}`);
    device.connection.start();
    for (const name of names) expect(device.connection.send(device.message(name))).toBe(true);
    world.clock.runFor(MINUTE);
    expect(device.acknowledged).toEqual(names);
    expect(broker.publishes.map(({ payload }) => payload.toString())).toEqual(names);
    expect(device.connection.outbox.count).toBe(0);
    expect(device.connection.outbox.bytes).toBe(0);
    expect(device.connection.counters.acknowledged).toBe(30);
  });

  it("drops a message whose bag no topic can carry, and goes on with the next", () => {
    const world = new World({ seed: 5 });
    new ScriptedServer(world, HUB);
    const device = new TestDevice(world);
    device.connection.start();
    device.connection.send(device.message("bad", { bag: "a=#" }));
    device.connection.send(device.message("good"));
    world.clock.runFor(MINUTE);
    expect(device.settled).toEqual([
      { name: "bad", outcome: "dropped" },
      { name: "good", outcome: "acknowledged" },
    ]);
  });

  it("keeps what a cut link swallowed and sends it again with DUP, found out by the age of the PUBACK", () => {
    const world = new World({ seed: 6 });
    const broker = new ScriptedServer(world, HUB);
    const device = new TestDevice(world);
    device.connection.start();
    world.clock.runFor(MINUTE);
    world.network.cut("board");
    device.connection.send(device.message("lost"));
    world.clock.runFor(35_000);
    expect(device.connection.state).not.toBe("connected");
    expect(device.faults).toEqual(["timeout"]);
    world.network.restore("board");
    world.clock.runFor(2 * MINUTE);
    expect(device.acknowledged).toEqual(["lost"]);
    expect(broker.last.publishes.map(({ dup }) => dup)).toEqual([true]);
  });

  it("finds a black hole without telemetry within keep-alive plus the answer time", () => {
    const world = new World({ seed: 7 });
    new ScriptedServer(world, HUB);
    const device = new TestDevice(world, { options: { keepAliveS: 60 } });
    device.connection.start();
    world.clock.runFor(MINUTE);
    world.network.cut("board");
    world.clock.runFor(95_000);
    expect(device.faults[0]).toBe("timeout");
  });
});

describe("token renewal", () => {
  it("reconnects ahead of expiry, at different moments, losing and repeating nothing", () => {
    const renewals: number[] = [];
    for (let seed = 10; seed < 14; seed++) {
      const world = new World({ seed });
      // PUBACKs take so long that there is always something in flight when a renewal is due.
      const broker = new ScriptedServer(world, HUB, {
        onPacket: (packet, session) => {
          if (packet.cmd !== "publish") return false;
          const puback = { cmd: "puback", messageId: packet.messageId! } as const;
          world.clock.after(4900, () => session.send(puback));
          return true;
        },
      });
      const device = new TestDevice(world);
      device.connection.start();
      const names: string[] = [];
      for (let second = 0; second < 3 * 3600; second += 5) {
        names.push(`m${second}`);
        device.connection.send(device.message(`m${second}`));
        world.clock.runFor(5000);
      }
      world.clock.runFor(MINUTE);
      expect(device.acknowledged).toEqual(names);
      expect(broker.publishes.map(({ payload }) => payload.toString())).toEqual(names);
      expect(device.connection.counters).toMatchObject({ failures: 0, dropped: 0 });
      expect(device.connection.counters.renewals).toBeGreaterThanOrEqual(3);
      for (const [index, session] of broker.sessions.entries()) {
        const { expiryS } = parseSas(session.connect.password!.toString());
        const next = broker.sessions[index + 1];
        if (!next) continue;
        expect(world.epochMs + next.atMs).toBeLessThan(expiryS * 1000 - 5 * MINUTE);
        expect(session.commands.at(-1)).toBe("disconnect");
        renewals.push(next.atMs - session.atMs);
      }
    }
    expect(new Set(renewals.map((ms) => Math.round(ms / 10_000))).size).toBeGreaterThan(4);
  });

  it("does not wait for ever for a PUBACK, and sends that message again with DUP", () => {
    const world = new World({ seed: 15 });
    const broker = new ScriptedServer(world, HUB);
    const device = new TestDevice(world, { options: { tokenLifeS: 600 } });
    device.connection.start();
    world.clock.runFor(440_000);
    broker.script = {
      onPacket: (packet) => packet.cmd === "publish" && !packet.dup,
    };
    while (device.connection.counters.renewals === 0) {
      if (device.connection.outbox.count === 0) device.connection.send(device.message("late"));
      world.clock.runFor(1000);
      expect(world.clock.nowMs).toBeLessThan(600_000);
      if (broker.sessions.length > 1) break;
    }
    world.clock.runFor(10_000);
    expect(device.acknowledged).toEqual(["late"]);
    expect(broker.last.publishes[0]).toMatchObject({ dup: true });
  });

  it("is not moved by jumps of the wall clock", () => {
    const world = new World({ seed: 16 });
    const broker = new ScriptedServer(world, HUB);
    const device = new TestDevice(world);
    device.connection.start();
    world.clock.runFor(10 * MINUTE);
    device.platform.wallOffsetMs = 400 * 86_400_000;
    world.clock.runFor(10 * MINUTE);
    device.platform.wallOffsetMs = -3_600_000;
    world.clock.runFor(20 * MINUTE);
    expect(broker.sessions.length).toBe(1);
    world.clock.runFor(15 * MINUTE);
    expect(broker.sessions.length).toBe(2);
  });
});

describe("handlers", () => {
  it("contains what they throw, reports it, and goes on", () => {
    const world = new World({ seed: 20 });
    const broker = new ScriptedServer(world, HUB);
    const throwing = () => {
      throw new Error("app bug");
    };
    const device = new TestDevice(world, {
      handlers: { onState: throwing, onOpen: throwing, onMessage: throwing, onRoom: throwing },
    });
    device.connection.start();
    world.clock.runFor(MINUTE);
    broker.last.deliver("devices/dev1/messages/devicebound/a=1", "poison", 1, 7);
    device.connection.send({ payload: new Uint8Array(1), onSettled: throwing });
    world.clock.runFor(MINUTE);
    expect(device.connection.state).toBe("connected");
    expect(device.connection.counters.handlerErrors).toBe(7);
    expect(broker.last.packets).toContainEqual(
      expect.objectContaining({ cmd: "puback", messageId: 7 }),
    );
    expect(device.logs).toContain("error onMessage threw: Error: app bug");
  });

  it("acknowledges a held message when told, not before", () => {
    const world = new World({ seed: 21 });
    const broker = new ScriptedServer(world, HUB);
    let token = 0;
    const device = new TestDevice(world, {
      handlers: {
        onMessage: (_topic, _payload, ackToken) => {
          token = ackToken;
          return false;
        },
      },
    });
    device.connection.start();
    world.clock.runFor(MINUTE);
    broker.last.deliver("devices/dev1/messages/devicebound/", "x", 1, 9);
    world.clock.runFor(MINUTE);
    expect(broker.last.commands).not.toContain("puback");
    expect(device.connection.acknowledge(token)).toBe(true);
    expect(device.connection.acknowledge(token)).toBe(false);
    world.clock.runFor(1000);
    expect(broker.last.commands).toContain("puback");
  });

  it("may stop and start the connection from inside; the outbox survives", () => {
    const world = new World({ seed: 22 });
    const broker = new ScriptedServer(world, HUB);
    let stops = 0;
    const device = new TestDevice(world, {
      handlers: {
        onState: (state) => {
          if (state === "connected" && stops++ === 0) device.connection.stop();
        },
      },
    });
    device.connection.start();
    world.clock.runFor(MINUTE);
    expect(device.connection.state).toBe("stopped");
    expect(device.connection.publish("t", new Uint8Array(0))).toBe(false);
    device.connection.send(device.message("kept"));
    world.clock.runFor(10 * MINUTE);
    expect(broker.sessions.length).toBe(1);
    expect(broker.sessions[0]!.isOpen).toBe(false);
    device.connection.start();
    world.clock.runFor(MINUTE);
    expect(device.acknowledged).toEqual(["kept"]);
  });
});
