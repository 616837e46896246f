// Streams of messages to rows: encodings, orders of arrival, damage.
import { parquetReadObjects } from "hyparquet";
import { expect, test } from "vitest";
import { encodeCbor } from "../../../firmware/codec/cbor.ts";
import { StreamDecoder } from "../../../host-tools/telemetry/decode-stream.ts";
import { formatTable } from "../../../host-tools/telemetry/row-table.ts";
import {
  decodeDump as decode,
  EPOCH_MS,
  tankEvent as event,
  tankModel,
} from "../../support/telemetry-dump.ts";

test("delta batches get names, and the time that a later message of the boot tells", async () => {
  const dump = JSON.stringify([event(0), event(1, { epochMs: EPOCH_MS })], undefined, 1);
  for (const chunkBytes of [1, 7, 1 << 16]) {
    const { rows, end } = await decode(dump, chunkBytes);
    expect(end).toBeUndefined();
    expect(rows.map(({ tMs, values }) => [tMs, values])).toEqual([
      [EPOCH_MS, { level: 0.5, open: true }],
      [EPOCH_MS + 500, { level: 0.25 }],
      [EPOCH_MS + 1000, { level: 1.5, open: true }],
      [EPOCH_MS + 1500, { level: 1.25 }],
    ]);
  }
});

test("a schema hash of another model is never guessed at", async () => {
  const { rows } = await decode(JSON.stringify(event(0, { other: true })));
  expect(rows[0]!.values).toEqual({ channel0: 0.5, channel1: true });
});

test("gaps, repetitions and late messages are counted, repeated rows left out", async () => {
  const order = [0, 1, 5, 4, 1, 8, 5];
  const { rows, report } = await decode(order.map((i) => JSON.stringify(event(i))).join("\n"));
  expect(rows).toHaveLength(10);
  expect(report).toEqual([
    {
      ...{ deviceId: "tank-1", boot: 7, class: 1, messages: 7, duplicates: 2, reordered: 1 },
      gaps: [
        { first: 2, last: 3 },
        { first: 6, last: 7 },
      ],
      ...{ missing: 4, declared: 0 },
    },
  ]);
});

test("JSON, CBOR and Event Hubs spellings become rows; other events are none", async () => {
  const events = [
    {
      body: { level: 1 },
      systemProperties: { contentType: "application/json", "iothub-connection-device-id": "a" },
      enqueuedTimeUtc: "2026-01-01T00:00:00Z",
    },
    {
      bodyBase64: Buffer.from([0xa1, 0x61, 0x78, 0x02]).toString("base64"),
      systemProperties: { "content-type": "application/cbor" },
      annotations: { "iothub-connection-device-id": "b", "x-opt-enqueued-time": EPOCH_MS },
    },
    { body: {}, source: "twinChangeEvents", deviceId: "a" },
  ];
  const { rows, damaged } = await decode(JSON.stringify(events));
  expect(damaged).toEqual([]);
  expect(rows.map(({ deviceId, tMs, values }) => [deviceId, tMs, values])).toEqual([
    ["a", EPOCH_MS, { level: 1 }],
    ["b", EPOCH_MS, { x: 2 }],
  ]);
});

test("whatever is cut off or foreign is named by its byte, and the rows before it stay", async () => {
  const whole = JSON.stringify(event(0));
  const cut = await decode(`${whole}\n${whole.slice(0, 40)}`);
  expect(cut.rows).toHaveLength(2);
  expect(cut.end?.message).toBe(
    `dump.json: byte ${whole.length + 41}: cut off: the object at byte ${whole.length + 1} has no end`,
  );
  const stranger = await decode(`${whole}\nPK\u0003`);
  expect(stranger.rows).toHaveLength(2);
  expect(stranger.end).toMatchObject({ code: "foreign", exitCode: 2 });
  const short = event(1);
  short.bodyBase64 = `${short.bodyBase64.slice(0, 12)}`;
  const damaged = await decode(`${JSON.stringify(short)}\n${whole}`);
  expect(damaged.rows).toHaveLength(2);
  expect(damaged.damaged[0]?.message).toMatch(/^dump\.json: byte 0: message of tank-1 .*CRC/);
});

test("tables: CSV with all columns, JSON lines, Parquet that another reader understands", async () => {
  const { rows } = await decode(JSON.stringify(event(1, { epochMs: EPOCH_MS })));
  const utf8 = (format: "csv" | "jsonl") => new TextDecoder().decode(formatTable(rows, format));
  expect(utf8("csv")).toBe(
    "t_ms,device,boot,uptime_ms,level,open\n" +
      `${EPOCH_MS + 1000},tank-1,7,1000,1.5,true\n${EPOCH_MS + 1500},tank-1,7,1500,1.25,\n`,
  );
  expect(JSON.parse(utf8("jsonl").split("\n")[1]!)).toMatchObject({ values: { level: 1.25 } });
  const file = formatTable(rows, "parquet");
  const read = await parquetReadObjects({ file: file.slice().buffer as ArrayBuffer });
  expect(read.map(({ t_ms, level, open }) => [t_ms, level, open ?? null])).toEqual([
    [EPOCH_MS + 1000, 1.5, true],
    [EPOCH_MS + 1500, 1.25, null],
  ]);
});

test("odd numbers and bytes inside objects are written out, in every format", async () => {
  const body = encodeCbor({ v: [Number.NaN, 1], o: { b: Uint8Array.of(104, 105), i: -Infinity } });
  const dump = JSON.stringify({
    ...{ deviceId: "a", contentType: "application/cbor" },
    bodyBase64: Buffer.from(body).toString("base64"),
  });
  const { rows } = await decode(dump);
  const utf8 = (format: "csv" | "jsonl") => new TextDecoder().decode(formatTable(rows, format));
  const [v, o] = [["NaN", 1], { b: "aGk=", i: "-Infinity" }];
  expect(JSON.parse(utf8("jsonl"))).toEqual({ device: "a", values: { v, o } });
  expect(utf8("csv")).toBe(
    't_ms,device,boot,uptime_ms,o,v\n,a,,,"{""b"":""aGk="",""i"":""-Infinity""}","[""NaN"",1]"\n',
  );
  const file = formatTable(rows, "parquet").slice().buffer as ArrayBuffer;
  const [read] = await parquetReadObjects({ file });
  expect([JSON.parse(read!.v), JSON.parse(read!.o)]).toEqual([v, o]);
});

test("an event with bytes that are no UTF-8 is damaged, not decoded to other texts", async () => {
  const dump = Buffer.from(`{"deviceId":"a","body":{"s":"x"}}\n${JSON.stringify(event(0))}`);
  dump[dump.indexOf("x")] = 0xff;
  const { rows, damaged } = await decode(dump);
  expect(rows).toHaveLength(2);
  expect(damaged[0]?.message).toBe("dump.json: byte 0: no JSON in UTF-8");
});

test("who shows rows as they come is told when their boot began, once, and again when that was mended", async () => {
  const told: string[] = [];
  const events: [number, number | undefined][] = [
    ...([
      [0, undefined],
      [1, EPOCH_MS],
      [2, EPOCH_MS + 5000],
    ] as [number, number | undefined][]),
    ...([
      [3, EPOCH_MS + 3_600_000],
      [4, EPOCH_MS + 3_600_000],
    ] as [number, number][]),
  ];
  const decoder = new StreamDecoder({
    ...{ source: "hub", model: tankModel, onDamaged: () => told.push("damaged") },
    onBootTime: ({ deviceId, boot, epochMs }) =>
      told.push(`${deviceId} ${boot} ${(epochMs - EPOCH_MS) / 1000} s`),
  });
  async function* chunks() {
    for (const [i, epochMs] of events)
      yield Buffer.from(JSON.stringify(event(i, epochMs === undefined ? {} : { epochMs })));
  }
  for await (const { tMs, uptimeMs } of decoder.rows(chunks()))
    told.push(tMs === undefined ? "undated" : `${(tMs - uptimeMs! - EPOCH_MS) / 1000} s`);
  expect(told).toEqual([
    ...["undated", "undated", "tank-1 7 0 s", "0 s", "0 s", "5 s", "5 s"],
    ...["tank-1 7 3600 s", "3600 s", "3600 s", "3600 s", "3600 s"],
  ]);
});
