// One MQTT session and a round through the codecs, written down line by line; runs on XS and in Node.
import { decodeBase64, encodeBase64 } from "godwit/codec/base64";
import { encodeCbor } from "godwit/codec/cbor";
import { decodeCbor } from "godwit/codec/cbor-decode";
import { crc32 } from "godwit/codec/crc32";
import { GodwitError } from "godwit/codec/error";
import { decodePercent, encodePercent } from "godwit/codec/percent";
import { decodeUtf8, encodeUtf8 } from "godwit/codec/utf8";
import { MqttClient } from "godwit/mqtt/client";

declare const trace: ((text: string) => void) | undefined;

function session(log: string[]): void {
  const fail = (what: string) => {
    log.push(what);
    throw new GodwitError("state", `${what} throws`);
  };
  const client: MqttClient = new MqttClient(
    { limits: { inFlightMax: 2, payloadBytesMax: 8 } },
    {
      onConnack: (code, isPresent) => log.push(`connack ${code} ${isPresent}`),
      onPublish: (message, payload) => {
        const isDone = client.acknowledge(message.ackToken, 1);
        log.push(`message ${message.topic} [${payload}] ${isDone}`);
      },
      onPublishPart: (message, part, offset) =>
        log.push(`part ${offset} [${part}] of ${message.payloadBytes}`),
      onAcknowledged: (packetId) => log.push(`puback ${packetId}`),
      onSuback: (packetId, granted) => fail(`suback ${packetId} [${granted}]`),
      onClosed: (reason, detail) => fail(`closed ${reason} ${detail}`),
      onError: (error) => log.push(`${error}`),
    },
  );
  const connect = { clientId: "dev1", cleanSession: false, keepAliveS: 60 };
  client.connect({ ...connect, username: "größe", password: "p" }, 0);
  client.subscribe([{ filter: "a/#", qos: 1 }], 0);
  const chunks = { byteLength: 5, read: (offset: number) => Uint8Array.of(65 + offset) };
  client.publish({ topic: "stream", payload: chunks, qos: 1 }, 0);
  for (let i = 0; i < 3; i++)
    client.publish({ topic: "t", payload: encodeUtf8("x€😀"), qos: 1 }, 0);
  for (let bytes = client.pull(10, 0); bytes; bytes = client.pull(10, 0)) log.push(`out ${bytes}`);
  const inbound = [
    [0x20, 2, 1, 0, 0x90, 3, 0, 1, 1, 0x40, 2, 0, 2, 0x32, 5, 0],
    [1, 0x61, 0, 9, 0x30, 5, 0, 3, 0xe2, 0x82, 0xac, 0x30, 13, 0, 1, 0x62, 1, 2, 3],
    [4, 5, 6, 7, 8, 9, 10],
  ];
  for (const bytes of inbound) client.receive(Uint8Array.from(bytes), 1);
  log.push(`deadline ${client.nextDeadlineMs()}`, `out ${client.pull(100, 1)}`);
  client.receive(Uint8Array.of(0x30, 4, 0, 2, 0xc3, 0x28), 1);
  client.connect(connect, 2);
  log.push(`again ${client.pull(1000, 2)}`);
  client.tick(40_000);
}

function attempt(log: string[], what: () => unknown): void {
  try {
    log.push(`${what()}`);
  } catch (error) {
    log.push(`${error} ${(error as GodwitError).code}`);
  }
}

function codecs(log: string[]): void {
  const text = "a\0ü€😀\u{10ffff}z".repeat(40);
  attempt(log, () => decodeUtf8(encodeUtf8(text)) === text && crc32(encodeUtf8(text)));
  for (const bad of ["\ud83d", "\ude00x", "\ud83d\ud83d"]) attempt(log, () => encodeUtf8(bad));
  for (const bad of ["7aCA", "wIA=", "9JCAgA==", "/w==", "4oI="])
    attempt(log, () => decodeUtf8(decodeBase64(bad)));
  for (const bad of ["A", "A===", "AB==", "é==="]) attempt(log, () => decodeBase64(bad));
  attempt(log, () => encodeBase64(encodeUtf8(encodePercent("a b/ü😀!~"))));
  attempt(log, () => decodePercent("%61+%F0%9F%98%80"));
  for (const bad of ["%", "%4g", "%ff"]) attempt(log, () => decodePercent(bad));
  const value = {
    b: [1, -1.5, 1e300, 1 / 3, "ü"],
    aa: { x: null, y: true, z: 2 ** -24 },
    n: 2 ** 53 - 1,
  };
  attempt(log, () => encodeCbor(value));
  attempt(log, () => JSON.stringify(decodeCbor(encodeCbor(value))));
  for (const bad of ["/////w==", "oWEA", "m/////////////8=", "G///////////"])
    attempt(log, () => decodeCbor(decodeBase64(bad)));
}

function errors(log: string[]): void {
  const inner = new GodwitError("network", "inner");
  const outer = new GodwitError("limit", "outer", inner);
  log.push(
    `${outer} ${outer.code} ${outer.name} ${outer.cause === inner} ${outer instanceof Error} ${"cause" in inner}`,
  );
}

/** What happened, line by line. */
export function run(): string[] {
  const log: string[] = [];
  session(log);
  codecs(log);
  errors(log);
  return log;
}

if (typeof trace === "function") trace(run().join("\n"));
