// Direct methods: answers, timeouts, offline devices, limits.
import { expect, test } from "vitest";
import { connect, hubWorld, type RawClient } from "../../../support/hub-world.ts";

const name = { deviceId: "d" };

function callsOf(device: RawClient): { method: string; rid: string; body: string }[] {
  return device.messages("$iothub/methods/POST/").map(({ topic, payload }) => {
    const match = /^\$iothub\/methods\/POST\/([^/]+)\/\?\$rid=(.+)$/.exec(topic)!;
    return { method: match[1]!, rid: match[2]!, body: payload.toString() };
  });
}

function open(): { world: ReturnType<typeof hubWorld>; device: RawClient } {
  const world = hubWorld();
  const device = connect(world, "d");
  device.subscribe("$iothub/methods/POST/#");
  return { world, device };
}

test("a call carries name and payload, its answer status and payload", async () => {
  const { world, device } = open();
  const answer = world.hub.methods.invoke(name, { methodName: "comp*go", payload: { a: 1 } });
  const [call] = callsOf(device);
  expect(call).toMatchObject({ method: "comp%2Ago", body: '{"a":1}' });
  device.publish(`$iothub/methods/res/207/?$rid=${call!.rid}`, '{"done":true}');
  expect(await answer).toEqual({ status: 207, payload: { done: true } });
});

test("no answer: 504 after the timeout; the late answer is dropped", async () => {
  const { world, device } = open();
  const call = { methodName: "slow", responseTimeoutInSeconds: 5 };
  const answer = world.hub.methods.invoke(name, call);
  const refused = expect(answer).rejects.toMatchObject({ code: 504101, status: 504 });
  world.clock.runFor(4999);
  expect(callsOf(device)).toHaveLength(1);
  world.clock.runFor(1);
  await refused;
  device.publish(`$iothub/methods/res/200/?$rid=${callsOf(device)[0]!.rid}`);
  expect(world.hub.log.entries().at(-1)!.text).toContain("too late");
  expect(device.isClosed).toBe(false);
});

test("offline and not subscribed are 404103, told apart; unknown is 404001", async () => {
  const world = hubWorld();
  world.hub.registry.create(name);
  const call = { methodName: "m" };
  await expect(world.hub.methods.invoke(name, call)).rejects.toMatchObject({
    code: 404103,
    message: expect.stringContaining("not connected"),
  });
  connect(world, "d");
  await expect(world.hub.methods.invoke(name, call)).rejects.toThrow("has not subscribed");
  await expect(world.hub.methods.invoke({ deviceId: "x" }, call)).rejects.toMatchObject({
    code: 404001,
  });
});

test("connectTimeout waits for the device to come online, and no longer", async () => {
  const world = hubWorld();
  world.hub.registry.create(name);
  const call = { methodName: "m", connectTimeoutInSeconds: 10 };
  const first = world.hub.methods.invoke(name, call);
  world.clock.runFor(9000);
  const device = connect(world, "d");
  device.subscribe("$iothub/methods/POST/#");
  device.publish(`$iothub/methods/res/200/?$rid=${callsOf(device)[0]!.rid}`, "1");
  expect(await first).toEqual({ status: 200, payload: 1 });
  device.cut();
  const second = world.hub.methods.invoke(name, call);
  const refused = expect(second).rejects.toMatchObject({ code: 404103 });
  world.clock.runFor(10_000);
  await refused;
});

test("a lost connection ends its calls with 404104; answers that are no JSON with 400004", async () => {
  const { world, device } = open();
  const broken = world.hub.methods.invoke(name, { methodName: "a" });
  device.publish(`$iothub/methods/res/200/?$rid=${callsOf(device)[0]!.rid}`, "{no");
  await expect(broken).rejects.toMatchObject({ code: 400004 });
  const garbled = world.hub.methods.invoke(name, { methodName: "a" });
  const noUtf8 = Buffer.from([0x22, 0xc3, 0x28, 0x22]);
  device.publish(`$iothub/methods/res/200/?$rid=${callsOf(device).at(-1)!.rid}`, noUtf8);
  await expect(garbled).rejects.toMatchObject({
    code: 400004,
    message: expect.stringContaining("UTF-8"),
  });
  const lost = world.hub.methods.invoke(name, { methodName: "b" });
  device.cut();
  await expect(lost).rejects.toMatchObject({ code: 404104 });
});

test.each([
  [{ methodName: "" }, 400004],
  [{ methodName: "m".repeat(101) }, 400004],
  [{ methodName: "m", responseTimeoutInSeconds: 4 }, 400004],
  [{ methodName: "m", responseTimeoutInSeconds: 301 }, 400004],
  [{ methodName: "m", connectTimeoutInSeconds: 301 }, 400004],
  [{ methodName: "m", payload: "x".repeat(131_072) }, 413001],
])("refused: %o", async (call, code) => {
  const { world } = open();
  await expect(world.hub.methods.invoke(name, call)).rejects.toMatchObject({ code });
});

test("one device cannot answer another's call", async () => {
  const { world, device } = open();
  const stranger = connect(world, "e");
  const answer = world.hub.methods.invoke(name, { methodName: "m" });
  const { rid } = callsOf(device)[0]!;
  stranger.publish(`$iothub/methods/res/200/?$rid=${rid}`, '"stolen"');
  device.publish(`$iothub/methods/res/200/?$rid=${rid}`, '"mine"');
  expect(await answer).toEqual({ status: 200, payload: "mine" });
});
