/** The connection on the real XS engine: the same packets as in Node, and what it costs in RAM. */

import { expect, it } from "vitest";
import { encodeUtf8 } from "../../../firmware/codec/utf8.ts";
import { Connection } from "../../../firmware/connection/connection.ts";
import { NodePlatform } from "../../../host-tools/sim/node-platform.ts";
import { MemoryKeyValue, NorFlash } from "../../../host-tools/sim/storage.ts";
import { World } from "../../../host-tools/sim/world.ts";
import { CONNECTION_STRING, HUB } from "../../support/connected-device.ts";
import { ScriptedServer } from "../../support/scripted-server.ts";
import { bootApp } from "../../support/xs-app-board.ts";

const HOUR = 3_600_000;
const APP = new URL("./app", import.meta.url).pathname;

function persistentOf(connectionString: string) {
  const storage = new MemoryKeyValue();
  storage.write("hub.conn", encodeUtf8(connectionString));
  return { storage, flash: new NorFlash(64 * 4096) };
}

it("connects, delivers, hears, renews its token and stays within its heap", async () => {
  const world = new World({ seed: 7 });
  const server = new ScriptedServer(world, HUB);
  const logs: string[] = [];
  const platform = new NodePlatform(world, {
    name: "board",
    persistent: persistentOf(CONNECTION_STRING),
    onLog: (_level, text) => logs.push(text),
  });
  const { board } = await bootApp(APP, platform);
  world.clock.runFor(10_000);
  server.last.deliver("devices/dev1/messages/devicebound/a=1", "hello", 1, 5);
  world.clock.runFor(10_000);
  expect(board.status).toEqual({ state: "running" });
  const log = logs.join("");
  for (const n of [0, 1, 2, 3]) expect(log).toContain(`message ${n} acknowledged`);
  expect(log).toContain("heard 5 on devices/dev1/messages/devicebound/a=1");
  expect(server.last.commands.slice(0, 3)).toEqual(["connect", "subscribe", "publish"]);
  expect(server.last.packets).toContainEqual(
    expect.objectContaining({ cmd: "puback", messageId: 5 }),
  );

  board.collectGarbage();
  const early = board.heap();
  world.clock.runFor(24 * HOUR);
  board.collectGarbage();
  const late = board.heap();
  expect(server.sessions.length).toBeGreaterThan(25);
  expect(board.status).toEqual({ state: "running" });
  // A day of renewals leaves nothing behind.
  expect(late.running.bytes - early.running.bytes).toBeLessThan(512);
  console.info(
    `connection on XS: loading ${late.loaded.bytes} B (flash on boards), running ${late.running.bytes} B`,
  );
  expect(late.running.bytes).toBeLessThan(12 * 1024);
});

it("sends the same packets as in Node", async () => {
  const packetsOf = async (isXs: boolean) => {
    const world = new World({ seed: 8, network: { jitterMs: 0 } });
    const server = new ScriptedServer(world, HUB);
    const options = { name: "same", persistent: persistentOf(CONNECTION_STRING) };
    if (isXs) await bootApp(APP, new NodePlatform(world, options));
    else {
      const connection = new Connection(
        new NodePlatform(world, options),
        { modelId: "dtmi:com:example:Echo;1" },
        { onOpen: () => connection.publish("$iothub/twin/GET/?$rid=1", encodeUtf8("")) },
      );
      for (let i = 0; i < 4; i++)
        connection.send({ payload: encodeUtf8(`{"n":${i}}`), bag: "$.ct=application%2Fjson" });
      connection.start();
    }
    world.clock.runFor(10_000);
    return server.last.packets.map((packet) =>
      JSON.stringify(packet, (key, value) => (key === "password" ? "…" : value)),
    );
  };
  const node = await packetsOf(false);
  expect(node.length).toBe(7);
  expect(await packetsOf(true)).toEqual(node);
});
