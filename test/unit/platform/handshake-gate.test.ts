// The clear part of TLS handshakes: real ones pass, byte by byte; one message changed, moved or added and they do not.
import { constants } from "node:crypto";
import { Duplex } from "node:stream";
import { connect, type SecureVersion, TLSSocket } from "node:tls";
import fc from "fast-check";
import { beforeAll, describe, expect, it, test } from "vitest";
import { GodwitError } from "../../../firmware/codec/error.ts";
import { HandshakeGate } from "../../../firmware/platform/tls/handshake-gate.ts";
import { type Issued, issue, keyOf } from "../../support/certificates.ts";

/** Two ends of one wire in memory. */
function wire(): [Duplex, Duplex] {
  const ends: Duplex[] = [0, 1].map(
    (side) =>
      new Duplex({
        read: () => {},
        write: (chunk, _encoding, done) => {
          ends[1 - side]!.push(chunk);
          done();
        },
      }),
  );
  return ends as [Duplex, Duplex];
}

interface Shape {
  readonly asksForCertificate?: boolean;
  readonly ciphers?: string;
  readonly version?: SecureVersion;
}

/** What a real server sends in a handshake, and a byte of data after it. */
async function serverBytes(server: Issued, chain: string, shape: Shape = {}): Promise<Buffer> {
  const { asksForCertificate = false, version = "TLSv1.2" } = shape;
  const [near, far] = wire();
  const sent: Buffer[] = [];
  near.on("data", (chunk: Buffer) => sent.push(chunk));
  const end = new TLSSocket(far, {
    ...{ isServer: true, key: await keyOf(server), cert: chain, requestCert: asksForCertificate },
    rejectUnauthorized: false,
    // Boards offer neither tickets nor sessions to resume.
    secureOptions: constants.SSL_OP_NO_TICKET,
  });
  end.write("x");
  const ciphers = shape.ciphers ?? "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256";
  const client = connect({
    socket: near,
    rejectUnauthorized: false,
    ...{ minVersion: version, maxVersion: version, ciphers, ecdhCurve: "P-256" },
    ...(version === "TLSv1.2" && { sigalgs: "ECDSA+SHA256:RSA+SHA256" }),
  });
  await new Promise<void>((resolve, reject) => {
    client.once("data", () => resolve());
    client.once("error", reject);
    end.once("error", reject);
  });
  client.destroy();
  end.destroy();
  return Buffer.concat(sent);
}

let chain: Issued[];
let real: Buffer;

beforeAll(async () => {
  const root = await issue({ name: "root", ca: true });
  const server = await issue({ name: "hub.test", issuer: root, hosts: ["hub.test"] });
  chain = [server, root];
  real = await serverBytes(server, server.pem + root.pem);
});

/** Feeds in parts; gives the gate and what was judged. */
function pass(bytes: Uint8Array, partBytes = bytes.length) {
  const judged: Uint8Array[][] = [];
  const gate = new HandshakeGate((list) => void judged.push(list.map((der) => der.slice())));
  for (let at = 0; at < bytes.length; at += partBytes)
    gate.feed(bytes.subarray(at, at + partBytes));
  return { gate, judged };
}

describe("a real handshake", () => {
  it.each([1, 4, 5, 6, 100, 100_000])("passes in parts of %i bytes", (partBytes) => {
    const { gate, judged } = pass(real, partBytes);
    expect(gate.isOpen).toBe(true);
    expect(judged).toEqual([chain.map(({ der }) => der)]);
  });

  it.each<[string, Shape, boolean]>([
    ["a client certificate asked for", { asksForCertificate: true }, false],
    ["RSA", {}, true],
    ["RSA and CBC", { ciphers: "ECDHE-RSA-AES128-SHA256" }, true],
  ])("passes with %s", async (_, shape, isRsa) => {
    const server = await issue({ name: "hub.test", hosts: ["hub.test"], isRsa });
    const { gate, judged } = pass(await serverBytes(server, server.pem, shape));
    expect(gate.isOpen).toBe(true);
    expect(judged).toEqual([[server.der]]);
  });

  it.each<[string, Shape]>([
    ["keys that the server's certificate decrypts", { ciphers: "AES128-GCM-SHA256" }],
    ["AES-256, which was not offered", { ciphers: "ECDHE-RSA-AES256-GCM-SHA384" }],
    ["TLS 1.3", { version: "TLSv1.3", ciphers: "TLS_AES_128_GCM_SHA256" }],
  ])("is refused with %s", async (_, shape) => {
    const server = await issue({ name: "hub.test", hosts: ["hub.test"], isRsa: true });
    const bytes = await serverBytes(server, server.pem, shape);
    expect(() => pass(bytes)).toThrow(expect.objectContaining({ code: "malformed" }));
  });

  it("ends at once, and before anything is judged twice, when the chain is not trusted", () => {
    const refusal = new GodwitError("credentials", "not trusted");
    const gate = new HandshakeGate(() => {
      throw refusal;
    });
    expect(() => gate.feed(real)).toThrow(refusal);
    expect(gate.isOpen).toBe(false);
  });
});

const u16 = (value: number) => [value >> 8, value & 255];
const record = (type: number, body: number[], version = [3, 3]) =>
  Uint8Array.of(type, ...version, ...u16(body.length), ...body);
const message = (type: number, body: number[] = []) => [type, 0, ...u16(body.length), ...body];

const hello = (changes: { version?: number[]; suite?: number; compression?: number } = {}) => {
  const { version = [3, 3], suite = 0xc02f, compression = 0 } = changes;
  return message(2, [...version, ...new Array(32).fill(7), 0, ...u16(suite), compression]);
};
const certificate = message(11, [0, 0, 5, 0, 0, 2, 0x30, 0]);
const ecdsaValue = (r: number[], s: number[]) => {
  const pair = [2, r.length, ...r, 2, s.length, ...s];
  return [0x30, pair.length, ...pair];
};
interface Exchange {
  readonly curve?: number[];
  readonly algorithm?: number[];
  readonly signature?: number[];
}
const keyExchange = ({ curve, algorithm = [4, 1], signature = [1, 2, 3] }: Exchange = {}) =>
  message(12, [
    ...(curve ?? [3, 0, 23]),
    ...[2, 9, 9],
    ...algorithm,
    ...u16(signature.length),
    ...signature,
  ]);
const request = message(13, [0]);
const done = message(14);
const handshake = (...messages: number[][]) => record(22, messages.flat());
const change = record(20, [1]);
const finished = record(22, new Array(40).fill(1));
const data = record(23, new Array(40).fill(1));
const goodbye = record(21, [1, 0]);

const right: readonly Uint8Array[] = [
  ...[hello(), certificate, keyExchange(), request, done].map((one) => handshake(one)),
  ...[change, finished],
];

function passAll(parts: readonly Uint8Array[]) {
  return pass(Uint8Array.from(parts.flatMap((part) => [...part])));
}

test("the right order passes, in one record or in many, with data behind it", () => {
  expect(passAll(right).gate.isOpen).toBe(true);
  expect(passAll([...right, data, goodbye]).gate.isOpen).toBe(true);
  const whole = handshake(hello(), certificate, keyExchange(), done);
  expect(passAll([whole, change, finished]).gate.isOpen).toBe(true);
  const signed = keyExchange({ algorithm: [4, 3], signature: ecdsaValue([5], [6]) });
  const ecdsa = handshake(hello({ suite: 0xc02b }), certificate, signed, done);
  expect(passAll([ecdsa, change, finished]).gate.isOpen).toBe(true);
});

test("nothing but the next message is taken at any place: no alert, no data, no step left out or done twice", () => {
  const strangers = [
    ...[goodbye, record(21, [2, 40]), data, change, record(24, [1]), finished],
    ...[
      hello(),
      certificate,
      keyExchange(),
      request,
      done,
      message(0),
      message(1),
      message(20),
    ].map((one) => handshake(one)),
  ];
  let refused = 0;
  for (let at = 0; at < right.length; at++) {
    const before = right.slice(0, at);
    for (const stranger of strangers) {
      const isRight = [...right[at]!].join() === [...stranger].join();
      // The request may be missing; any encrypted handshake record is left to who has the keys.
      const isAllowed = (at === 3 && stranger[5] === 14) || (at === 6 && stranger[0] === 22);
      if (isRight || isAllowed) continue;
      expect(() => passAll([...before, stranger])).toThrow(
        expect.objectContaining({ code: "malformed" }),
      );
      refused++;
    }
  }
  expect(refused).toBeGreaterThan(80);
});

test.each<[what: string, flight: number[][]]>([
  ["an older version", [hello({ version: [3, 2] })]],
  ["a newer version", [hello({ version: [3, 4] })]],
  ["static RSA keys", [hello({ suite: 0x002f })]],
  ["keys of finite fields", [hello({ suite: 0x009e })]],
  ["no encryption at all", [hello({ suite: 0 })]],
  ["compression", [hello({ compression: 1 })]],
  ["a hello cut short", [message(2, [3, 3, 7])]],
  ["a certificate list longer than its message", [hello(), message(11, [0, 0, 9, 0, 0, 2, 1, 1])]],
  ["a certificate longer than its list", [hello(), message(11, [0, 0, 5, 0, 0, 9, 1, 1])]],
  ["bytes behind the certificates", [hello(), message(11, [0, 0, 4, 0, 0, 1, 1, 1])]],
  ["a signature without a hash", [keyExchange({ algorithm: [0, 1] })]],
  ["a hash without a signature", [keyExchange({ algorithm: [4, 0] })]],
  ["neither", [keyExchange({ algorithm: [0, 0], signature: [] })]],
  ["SHA-1", [keyExchange({ algorithm: [2, 1] })]],
  ["an unknown hash", [keyExchange({ algorithm: [9, 1] })]],
  ["DSA", [keyExchange({ algorithm: [4, 2] })]],
  ["an unknown signature", [keyExchange({ algorithm: [4, 9] })]],
  ["an empty signature", [keyExchange({ signature: [] })]],
  ["another curve", [keyExchange({ curve: [3, 0, 24] })]],
  ["a curve of its own", [keyExchange({ curve: [1, 0, 23] })]],
  ["r = 0", [keyExchange({ algorithm: [4, 3], signature: ecdsaValue([0], [1]) })]],
  ["s = 0", [keyExchange({ algorithm: [4, 3], signature: ecdsaValue([1], [0, 0]) })]],
  ["an empty s", [keyExchange({ algorithm: [4, 3], signature: ecdsaValue([1], []) })]],
  ["a negative r", [keyExchange({ algorithm: [4, 3], signature: ecdsaValue([200], [1]) })]],
  ["something after the last message", [keyExchange(), message(14, [1])]],
])("%s is refused", (_, flight) => {
  const isFromStart = flight[0]![0] === 2;
  const before = isFromStart ? [] : [hello(), certificate];
  expect(() => passAll([handshake(...before, ...flight)])).toThrow(
    expect.objectContaining({ code: "malformed" }),
  );
});

test("records of another version, without contents, too long, or with a part of a message are refused", () => {
  const [first] = right as [Uint8Array];
  const parts: Uint8Array[][] = [
    [record(22, hello(), [3, 1])],
    [record(22, [])],
    [Uint8Array.of(22, 3, 3, 0x40, 1)],
    [record(22, hello().slice(0, -1))],
    [record(22, [...hello(), 11])],
    [...right.slice(0, 5), record(20, [2])],
    [...right.slice(0, 5), record(20, [1, 1])],
    [...right.slice(0, 6), Uint8Array.of(22, 3, 3, 0x48, 1)],
  ];
  expect(first[0]).toBe(22);
  for (const part of parts)
    expect(() => passAll(part)).toThrow(expect.objectContaining({ code: "malformed" }));
});

test("whatever arrives: a typed error, more to come, or a handshake whose chain was judged once", () => {
  fc.assert(
    fc.property(
      fc.nat(real.length - 1),
      fc.nat(255),
      fc.nat(3),
      fc.integer({ min: 1, max: 700 }),
      (at, value, cutBytes, partBytes) => {
        const bytes = Uint8Array.from([
          ...real.subarray(0, at),
          value,
          ...real.subarray(at + cutBytes),
        ]);
        try {
          const { gate, judged } = pass(bytes, partBytes);
          if (gate.isOpen) expect(judged.length).toBe(1);
        } catch (error) {
          expect(error).toBeInstanceOf(GodwitError);
        }
      },
    ),
    { numRuns: 600 },
  );
});
