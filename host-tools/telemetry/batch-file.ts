// A file of delta batches with the names of their channels: magic, schema as JSON, then batches with their lengths.
import { UserError } from "../user-error.ts";

const MAGIC = "godwit-delta 1\n";
const SCHEMA_BYTES_MAX = 1 << 20;
/** The largest message of IoT Hub: no batch is longer. */
const BATCH_BYTES_MAX = 1 << 18;

/** What the batches do not say themselves. */
export interface BatchFileSchema {
  tick: "ms" | "us";
  names: string[];
  /** Tolerance by channel name; absent channels are exact. */
  epsilon?: Record<string, number>;
}

/** The bytes of a file. */
export function writeBatchFile(
  schema: BatchFileSchema,
  batches: readonly Uint8Array[],
): Uint8Array {
  const head = new TextEncoder().encode(`${MAGIC}${JSON.stringify(schema)}\n`);
  const parts: Uint8Array[] = [head];
  for (const batch of batches) {
    const length = new Uint8Array(4);
    new DataView(length.buffer).setUint32(0, batch.length);
    parts.push(length, batch);
  }
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

function damaged(what: string): UserError {
  return new UserError(`no batch file, or a damaged one: ${what}`, {
    code: "batch-file",
    hint: "godwit telemetry encode <rows.csv> --out <file>",
  });
}

/** Schema and batches of a file. @throws UserError naming the byte where it stops making sense */
export function readBatchFile(bytes: Uint8Array): {
  schema: BatchFileSchema;
  batches: Uint8Array[];
} {
  const magic = new TextDecoder().decode(bytes.subarray(0, MAGIC.length));
  if (magic !== MAGIC) throw damaged("it does not begin with godwit-delta 1");
  const end = bytes.subarray(0, SCHEMA_BYTES_MAX).indexOf(10, MAGIC.length);
  if (end < 0) throw damaged("the schema has no end");
  const schema = parseSchema(new TextDecoder().decode(bytes.subarray(MAGIC.length, end)));
  const batches: Uint8Array[] = [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = end + 1; at < bytes.length; ) {
    const length = at + 4 <= bytes.length ? view.getUint32(at) : 0;
    at += 4;
    if (length === 0 || length > BATCH_BYTES_MAX || at + length > bytes.length)
      throw damaged(`batch ${batches.length} at byte ${at - 4} is cut off`);
    batches.push(bytes.subarray(at, at + length));
    at += length;
  }
  return { schema, batches };
}

function parseSchema(text: string): BatchFileSchema {
  let schema: unknown;
  try {
    schema = JSON.parse(text);
  } catch {
    throw damaged("the schema is no JSON");
  }
  const { tick, names } = (schema ?? {}) as Partial<BatchFileSchema>;
  const isSchema =
    (tick === "ms" || tick === "us") &&
    Array.isArray(names) &&
    names.every((name) => typeof name === "string");
  if (!isSchema) throw damaged("the schema lacks tick or names");
  return schema as BatchFileSchema;
}
