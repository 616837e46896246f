// CONNECT at the hub: who gets in, who does not, which CONNACK it costs, and what the log explains.
import { expect, test } from "vitest";
import { signSas } from "../../../../firmware/connection/sas.ts";
import { nodeDigest } from "../../../../host-tools/hub/core/sas.ts";
import {
  type ConnectOptions,
  connect,
  HOST,
  hubWorld,
  tokenFor,
} from "../../../support/hub-world.ts";

const lastLog = (world: ReturnType<typeof hubWorld>): string =>
  world.hub.log.entries().at(-1)!.text;

test.each([
  ["host and port", { username: `${HOST}:8883/d/?api-version=2021-04-12` }],
  ["another case of the host", { username: "HUB.Test/d/?api-version=2021-04-12" }],
  ["an alias", { username: "gateway/d/?api-version=2021-04-12" }],
  ["no api-version", { username: `${HOST}/d` }],
  ["the form of 2016", { username: `${HOST}/d/api-version=2016-11-14` }],
  ["an encoded model id", { username: `${HOST}/d/?api-version=2021-04-12&model-id=dtmi%3Aa%3B1` }],
  ["a user agent", { modelId: "dtmi:com:ex:Thermo;1" }],
  ["keep-alive 0", { keepaliveS: 0 }],
] as [string, ConnectOptions][])("accepted: %s", (_what, options) => {
  const world = hubWorld({ aliases: ["gateway:8884"] });
  expect(connect(world, "d", options).connack?.returnCode).toBe(0);
});

test.each([
  ["another protocol level", 1, { protocolVersion: 5 }, "MQTT 3.1.1"],
  ["a foreign client id", 2, { clientId: "e" }, 'client id is "e"'],
  ["no user name", 4, { username: "" }, "user name is missing"],
  ["a short user name", 4, { username: "hub.test" }, "is not of the form"],
  ["another hub", 4, { username: "other.hub/d/?api-version=1" }, 'for hub "other.hub"'],
  ["a model id that is none", 4, { modelId: "thermo" }, "not a DTMI"],
  ["a bad escape", 4, { username: `${HOST}/d/?api-version=%zz` }, "URL-encoded"],
  ["no password", 5, { password: undefined }, "no password came"],
  ["no token", 5, { password: "secret" }, "SharedAccessSignature"],
] as [string, number, ConnectOptions, string][])(
  "refused: %s → %i",
  (_what, returnCode, options, why) => {
    const world = hubWorld();
    const device = connect(world, "d", options);
    expect(device.connack).toMatchObject({ returnCode, sessionPresent: false });
    expect(device.isClosed).toBe(true);
    expect(lastLog(world)).toContain(why);
  },
);

test("an unknown, a disabled and a deleted device are told apart in the log", () => {
  const world = hubWorld();
  const { hub } = world;
  const known = connect(world, "known");
  const password = tokenFor(world, "known");
  hub.registry.update({ deviceId: "known", status: "disabled" });
  expect(known.isClosed).toBe(true);
  expect(connect(world, "known", { password }).connack?.returnCode).toBe(3);
  expect(lastLog(world)).toContain("disabled");
  hub.registry.remove({ deviceId: "known" });
  hub.registry.create({ deviceId: "other" });
  const stranger = connect(world, "other", {
    clientId: "known",
    username: `${HOST}/known/?api-version=2021-04-12`,
    password,
  });
  expect(stranger.connack?.returnCode).toBe(5);
  expect(lastLog(world)).toContain('"known" is not registered');
});

test("tokens: late, from 1970, for another device, for another hub, signed with the wrong key", () => {
  const world = hubWorld();
  const { hub } = world;
  hub.registry.create({ deviceId: "d" });
  hub.registry.create({ deviceId: "e" });
  const keyOf = (deviceId: string): Buffer => {
    const { authentication } = hub.registry.get({ deviceId });
    if (authentication.type !== "sas") throw new Error("no key");
    return Buffer.from(authentication.symmetricKey.secondaryKey, "base64");
  };
  const expiryS = world.nowS() + 60;
  const sign = (key: Uint8Array, resource: string, se = expiryS): string =>
    signSas(nodeDigest, key, resource, se);
  const path = `${HOST}/devices/d`;
  const refusals: [string, string][] = [
    [sign(keyOf("d"), path, world.nowS() - 512), "expired 512 s ago"],
    [sign(keyOf("d"), path, 3600), "expires in 1970"],
    [sign(keyOf("d"), `${HOST}/devices/e`), 'the token is for "devices/e"'],
    [sign(keyOf("d"), "elsewhere/devices/d"), 'hub "elsewhere"'],
    [sign(keyOf("d"), HOST), "the token is for"],
    [sign(keyOf("e"), path), "wrong key"],
    [sign(Buffer.from(keyOf("d").toString("base64")), path), "decode the key first"],
  ];
  for (const [password, why] of refusals) {
    expect(connect(world, "d", { password }).connack?.returnCode).toBe(5);
    expect(lastLog(world)).toContain(why);
    expect(lastLog(world)).not.toContain("sig=");
  }
  expect(connect(world, "d", { password: sign(keyOf("d"), path) }).connack?.returnCode).toBe(0);
});

test("a token of a policy with DeviceConnect opens every device, one without does not", () => {
  const world = hubWorld();
  world.hub.registry.create({ deviceId: "d" });
  const token = (name: string): string => {
    const key = Buffer.from(world.hub.policies.find(name)!.primaryKey, "base64");
    return signSas(nodeDigest, key, HOST, world.nowS() + 60, name);
  };
  expect(connect(world, "d", { password: token("device") }).connack?.returnCode).toBe(0);
  expect(connect(world, "d", { password: token("service") }).connack?.returnCode).toBe(5);
  expect(lastLog(world)).toContain("no right DeviceConnect");
});

test("a session ends when its token does, and not a moment before", () => {
  const world = hubWorld();
  const device = connect(world, "d", { keepaliveS: 1000 });
  for (let minutes = 20; minutes < 60; minutes += 20) {
    world.clock.runUntil(minutes * 60_000);
    device.send({ cmd: "pingreq" });
  }
  world.clock.runUntil(3_600_000 - 1);
  expect(device.isClosed).toBe(false);
  world.clock.runUntil(3_600_000);
  expect(device.isClosed).toBe(true);
  expect(lastLog(world)).toContain("expired");
});

test("silence for 1.5 × the keep-alive ends a connection; any packet resets it", () => {
  const world = hubWorld();
  const device = connect(world, "d", { keepaliveS: 60 });
  world.clock.runFor(89_000);
  device.send({ cmd: "pingreq" });
  expect(device.received.at(-1)?.cmd).toBe("pingresp");
  world.clock.runFor(89_999);
  expect(device.isClosed).toBe(false);
  world.clock.runFor(1);
  expect(device.isClosed).toBe(true);
  expect(lastLog(world)).toContain("nothing heard for 90 s");
});

test("the newer connection of an identity ends the older one (400027) and keeps its subscriptions", () => {
  const world = hubWorld();
  const older = connect(world, "d");
  older.subscribe("$iothub/twin/PATCH/properties/desired/#");
  const newer = connect(world, "d");
  expect(older.isClosed).toBe(true);
  expect(world.hub.log.entries().some(({ code }) => code === 400027)).toBe(true);
  expect(newer.connack).toMatchObject({ returnCode: 0, sessionPresent: true });
  world.hub.twins.patch({ deviceId: "d" }, { desired: { a: 1 } });
  const [patch] = newer.messages("$iothub/twin/PATCH/properties/desired/?$version=2");
  expect(JSON.parse(patch!.payload.toString())).toEqual({ a: 1, $version: 2 });
  expect(world.hub.registry.activity({ deviceId: "d" }).connected).toBe(true);
});

test("a clean session forgets what was subscribed", () => {
  const world = hubWorld();
  connect(world, "d").subscribe("$iothub/methods/POST/#");
  expect(connect(world, "d", { clean: true }).connack?.sessionPresent).toBe(false);
  expect(connect(world, "d").connack?.sessionPresent).toBe(false);
});

test("no CONNECT for 30 s, another packet first, or a second CONNECT: closed", () => {
  const world = hubWorld();
  const silent = connect(world, "d", {});
  silent.send({ cmd: "connect", clientId: "d", protocolId: "MQTT", protocolVersion: 4 });
  expect(silent.isClosed).toBe(true);
  expect(lastLog(world)).toContain("second CONNECT");
});
