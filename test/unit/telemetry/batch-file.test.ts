// Files of batches: what is whole comes back, what is damaged is named by its byte.
import { expect, test } from "vitest";
import { readBatchFile, writeBatchFile } from "../../../host-tools/telemetry/batch-file.ts";
import { decodeBatchFile, formatRows } from "../../../host-tools/telemetry/rows-out.ts";
import { UserError } from "../../../host-tools/user-error.ts";
import { encodeRows, randomRows } from "../../support/delta-batches.ts";
import { seeded } from "../../support/seeded.ts";

const schema = { tick: "ms" as const, names: ["c0", "c1"] };

function file(batches = 4): { bytes: Uint8Array; parts: Uint8Array[]; starts: number[] } {
  const random = seeded("batch file");
  const parts = Array.from({ length: batches }, () =>
    encodeRows(randomRows(random, 1 + random.int(20), 2), { crc: true }),
  );
  const bytes = writeBatchFile(schema, parts);
  let at = bytes.length - parts.reduce((sum, part) => sum + 4 + part.length, 0);
  const starts = parts.map((part) => {
    at += 4 + part.length;
    return at - part.length;
  });
  return { bytes, parts, starts };
}

test("cut anywhere, the batches before the cut are there and the cut is named", () => {
  const { bytes, parts, starts } = file();
  expect(readBatchFile(bytes)).toMatchObject({ schema, cut: undefined });
  for (let end = starts[0]! - 4; end <= bytes.length; end++) {
    const { batches, cut } = readBatchFile(bytes.subarray(0, end));
    const whole = parts.filter((part, i) => starts[i]! + part.length <= end);
    expect(batches.map((batch) => batch.bytes)).toEqual(whole);
    const rest = starts[whole.length]! - 4;
    if (end === rest || whole.length === parts.length) expect(cut).toBeUndefined();
    else expect(cut?.message).toBe(`batch ${whole.length} at byte ${rest} is cut off`);
  }
});

test("a batch whose bytes are damaged is left out, those behind it are not", () => {
  const { bytes, starts } = file();
  const intact = decodeBatchFile(bytes);
  expect(intact).toMatchObject({ schema, damaged: [] });
  bytes[starts[1]! + 5]! ^= 1;
  bytes[starts[3]!]! ^= 0xe0;
  const { batches, damaged } = decodeBatchFile(bytes);
  expect(batches).toEqual([intact.batches[0], intact.batches[2]]);
  expect(damaged.map(({ message }) => message)).toEqual([
    expect.stringMatching(new RegExp(`^batch 1 at byte ${starts[1]}: delta batch: CRC differs`)),
    expect.stringMatching(
      new RegExp(`^batch 3 at byte ${starts[3]}: delta batch: unknown version`),
    ),
  ]);
});

test("mutated files give batches or a typed error", () => {
  const random = seeded("batch file fuzz");
  const { bytes } = file();
  let refused = 0;
  for (let run = 0; run < 500; run++) {
    const copy = bytes.slice(0, random.chance(0.3) ? random.int(bytes.length) : bytes.length);
    for (let i = 1 + random.int(3); i > 0 && copy.length > 0; i--)
      copy[random.int(copy.length)] = random.int(256);
    try {
      const { batches, damaged } = decodeBatchFile(copy);
      expect(batches.length).toBeLessThanOrEqual(4);
      for (const error of damaged) expect(error).toBeInstanceOf(UserError);
    } catch (error) {
      expect(error, Buffer.from(copy).toString("base64")).toBeInstanceOf(UserError);
      refused++;
    }
  }
  expect(refused).toBeGreaterThan(5);
});

test("a file of very many batches decodes", () => {
  const part = encodeRows(randomRows(seeded("one row"), 1, 2), {});
  const [one] = decodeBatchFile(writeBatchFile(schema, [part])).batches;
  const text = formatRows(schema, new Array(150_000).fill(one), "csv");
  expect(text.filter((byte) => byte === 10)).toHaveLength(150_001);
});

test("a recording without rows keeps its columns", () => {
  const text = (format: "csv" | "jsonl") =>
    new TextDecoder().decode(formatRows(schema, [], format));
  expect([text("csv"), text("jsonl")]).toEqual(["t_ms,c0,c1\n", ""]);
});

test("a schema of more channels than a batch can have is refused", () => {
  const names = Array.from({ length: 100_000 }, (_, i) => `c${i}`.slice(-2));
  expect(() => readBatchFile(writeBatchFile({ tick: "ms", names }, []))).toThrow(
    "names 100000 channels, at most 256",
  );
});

test("a dump of messages is sent to the verb for it", () => {
  expect(() => readBatchFile(new TextEncoder().encode('[{"deviceId":"a"}]'))).toThrow(
    expect.objectContaining({ hint: expect.stringContaining("godwit telemetry export") }),
  );
});

test("a batch whose times count otherwise than those of its file is damaged, not a thousand times off", () => {
  const [part] = file(1).parts;
  const { batches, damaged } = decodeBatchFile(writeBatchFile({ ...schema, tick: "us" }, [part!]));
  expect(batches).toEqual([]);
  expect(damaged[0]?.message).toMatch(/^batch 0 at byte \d+: times in ms, the file counts us$/);
});
