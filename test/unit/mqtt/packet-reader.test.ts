// PacketReader against mqtt-packet: 50,000 random packets, every split of a stream, hostile bytes.
import { generate, parser } from "mqtt-packet";
import { expect, test } from "vitest";
import { MQTT_LIMITS } from "../../../firmware/mqtt/limits.ts";
import { PacketReader } from "../../../firmware/mqtt/packet-reader.ts";
import { serverPacket } from "../../support/mqtt-packets.ts";
import { RecordingSink } from "../../support/mqtt-sink.ts";
import { seeded } from "../../support/seeded.ts";

/** Small enough that some payloads are streamed and some topics are too long to be kept. */
const LIMITS = { ...MQTT_LIMITS, payloadBytesMax: 150, topicBytesMax: 400, packetBytesMax: 4096 };

function read(pieces: Iterable<Uint8Array>): RecordingSink {
  const sink = new RecordingSink();
  const reader = new PacketReader(LIMITS, sink);
  for (const piece of pieces) {
    if (sink.fault) break;
    reader.feed(piece);
    reader.parse();
  }
  return sink;
}

test("50,000 random packets in random pieces", () => {
  const random = seeded("mqtt reader");
  for (let stream = 0; stream < 1000; stream++) {
    const packets = Array.from({ length: 50 }, () => serverPacket(random));
    const bytes = Buffer.concat(packets.map((packet) => packet.bytes));
    const pieces: Uint8Array[] = [];
    const pieceMax = random.pick([3, 60, 1500]);
    for (let at = 0; at < bytes.length; ) {
      const end = at + 1 + random.int(pieceMax);
      pieces.push(bytes.subarray(at, end));
      at = end;
    }
    const sink = read(pieces);
    expect(sink.fault).toBeUndefined();
    const expected = packets.map((packet) => packet.line);
    if (sink.lines.join("\n") !== expected.join("\n")) expect(sink.lines).toEqual(expected);
  }
});

const SEQUENCE = Buffer.concat([
  generate({ cmd: "connack", returnCode: 0, sessionPresent: true }),
  generate({ cmd: "suback", messageId: 258, granted: [0, 1, 128] }),
  generate({ cmd: "publish", topic: "a/b", payload: "", qos: 0, dup: false, retain: false }),
  generate({
    cmd: "publish",
    topic: "€",
    payload: "x",
    qos: 1,
    messageId: 513,
    dup: true,
    retain: true,
  }),
  generate({ cmd: "pingresp" }),
  generate({ cmd: "publish", topic: "skip", payload: "gone", qos: 0, dup: false, retain: false }),
  generate({
    cmd: "publish",
    topic: "t",
    payload: "y".repeat(160),
    qos: 1,
    messageId: 7,
    dup: false,
    retain: false,
  }),
  generate({
    cmd: "publish",
    topic: "e",
    payload: "",
    qos: 1,
    messageId: 65535,
    dup: false,
    retain: false,
  }),
  generate({ cmd: "puback", messageId: 1 }),
  generate({ cmd: "unsuback", messageId: 2, granted: [] }),
]);

test("every cut and every pair of cuts of a stream gives the same packets", () => {
  const whole = read([SEQUENCE]).lines;
  expect(whole).toHaveLength(9);
  for (let first = 0; first <= SEQUENCE.length; first++)
    for (let second = first; second <= SEQUENCE.length; second++) {
      const { lines } = read([
        SEQUENCE.subarray(0, first),
        SEQUENCE.subarray(first, second),
        SEQUENCE.subarray(second),
      ]);
      if (lines.join() !== whole.join())
        expect(lines, `cut at ${first} and ${second}`).toEqual(whole);
    }
  expect(read(Array.from(SEQUENCE, (byte) => Uint8Array.of(byte))).lines).toEqual(whole);
});

test("a payload in one piece is a view, not a copy", () => {
  let view: Uint8Array | undefined;
  const sink = new RecordingSink();
  sink.onPayload = (_, payload) => {
    view = payload;
  };
  const reader = new PacketReader(LIMITS, sink);
  const bytes = generate({
    cmd: "publish",
    topic: "t",
    payload: "abc",
    qos: 0,
    dup: false,
    retain: false,
  });
  reader.feed(bytes);
  reader.parse();
  expect(view?.buffer).toBe(bytes.buffer);
});

test.each([
  ["reserved type 0", "0000", "malformed"],
  ["reserved type 15", "f000", "malformed"],
  ["flags of CONNACK", "21020000", "malformed"],
  ["flags of PINGRESP", "d100", "malformed"],
  ["CONNECT from a server", "1000", "protocol"],
  ["PUBREC: QoS 2 outbound", "50020001", "protocol"],
  ["PUBREL: QoS 2 inbound", "62020001", "protocol"],
  ["SUBSCRIBE from a server", "8200", "protocol"],
  ["PUBLISH with QoS 2", "3405000161000178", "protocol"],
  ["PUBLISH with QoS 3", "3605000161000178", "malformed"],
  ["PUBLISH with DUP at QoS 0", "380400016178", "malformed"],
  ["remaining length of five bytes", "30ffffffff01", "malformed"],
  ["packet over the maximum", "308120", "too-large"],
  ["CONNACK too short", "200100", "malformed"],
  ["CONNACK too long", "2003000000", "malformed"],
  ["PUBACK without id", "4000", "malformed"],
  ["reserved flags in CONNACK", "20020200", "malformed"],
  ["reserved code in SUBACK", "9003000103", "malformed"],
  ["SUBACK without codes", "90020001", "malformed"],
  ["SUBACK with 100 codes", "9066", "malformed"],
  ["PINGRESP with body", "d00100", "malformed"],
  ["PUBLISH without topic length", "3000", "malformed"],
  ["PUBLISH with empty topic", "30020000", "malformed"],
  ["topic past the packet", "3004000a6161", "malformed"],
  ["QoS 1 without room for an id", "3204000261610001", "malformed"],
  ["packet id 0", "32050001610000", "malformed"],
  ["invalid UTF-8 in topic", "30040002c328", "malformed"],
  ["surrogate in topic", "30050003eda080", "malformed"],
  ["NUL in topic", "300400026100", "malformed"],
  ["wildcard + in topic", "300400022b61", "malformed"],
  ["wildcard # in topic", "300400026123", "malformed"],
])("%s is refused once and nothing is read after it", (_, text, fault) => {
  const bytes = Buffer.concat([Buffer.from(text, "hex"), generate({ cmd: "pingresp" })]);
  for (let cut = 0; cut <= bytes.length; cut++) {
    const sink = read([bytes.subarray(0, cut), bytes.subarray(cut)]);
    expect({ fault: sink.fault, lines: sink.lines }).toEqual({ fault, lines: [] });
  }
});

test("a message with a topic too long to keep is passed over, the stream goes on", () => {
  const long = {
    cmd: "publish",
    topic: "l".repeat(500),
    payload: "p",
    dup: false,
    retain: false,
  } as const;
  const bytes = Buffer.concat([
    generate({ ...long, qos: 1, messageId: 77 }),
    generate({ ...long, qos: 0 }),
    generate({ cmd: "pingresp" }),
  ]);
  for (let cut = 0; cut <= bytes.length; cut += 13)
    expect(read([bytes.subarray(0, cut), bytes.subarray(cut)]).lines).toEqual([
      "3  1 77 false false 70",
      "3  0 0 false false 70",
      "13 ",
    ]);
});

test("mutated streams end in packets or one fault; what passes is what mqtt-packet reads, too", () => {
  const random = seeded("mqtt reader mutations");
  let faults = 0;
  for (let round = 0; round < 4000; round++) {
    const bytes = Buffer.concat(Array.from({ length: 5 }, () => serverPacket(random).bytes));
    for (let i = 1 + random.int(3); i > 0; i--) bytes[random.int(bytes.length)] = random.int(256);
    const cut = random.int(bytes.length);
    const sink = read([bytes.subarray(0, cut), bytes.subarray(cut)]);
    if (sink.fault) faults++;
    else {
      const seen: string[] = [];
      const oracle = parser();
      oracle.on("packet", (packet) => seen.push(packet.cmd));
      oracle.on("error", (error) => seen.push(`error ${error.message}`));
      oracle.parse(bytes);
      const commands: Record<string, string> = {
        2: "connack",
        3: "publish",
        4: "puback",
        9: "suback",
        11: "unsuback",
        13: "pingresp",
      };
      expect(sink.lines.map((line) => commands[line.split(" ")[0]!])).toEqual(seen);
    }
  }
  expect(faults).toBeGreaterThan(500);
});

test("random bytes never get an exception out of the reader", () => {
  const random = seeded("mqtt reader garbage");
  for (let round = 0; round < 10000; round++) {
    const bytes = random.bytes(1 + random.int(60));
    if (random.chance(0.5)) bytes[0] = random.pick([0x20, 0x30, 0x32, 0x40, 0x90, 0xd0]);
    read([bytes.subarray(0, 7), bytes.subarray(7)]);
  }
});
