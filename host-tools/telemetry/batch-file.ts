// A file of delta batches with the names of their channels: magic, schema as JSON, then batches with their lengths.
import { CHANNELS_MAX } from "../../firmware/codec/delta/layout.ts";
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

/** Whether `bytes` begin like a file of batches. */
function isBatchFile(bytes: Uint8Array): boolean {
  return new TextDecoder().decode(bytes.subarray(0, MAGIC.length)) === MAGIC;
}

/** Who comes with a dump of messages has mixed up two verbs. */
function stranger(first: number | undefined): UserError {
  const isJson = first === 0x7b || first === 0x5b;
  if (!isJson) return damaged("it does not begin with godwit-delta 1");
  return new UserError("no batch file: it looks like JSON", {
    code: "batch-file",
    hint: "events as JSON: godwit telemetry export <file> --out <file>",
  });
}

/** A batch and where it stands in its file. */
export interface FileBatch {
  offset: number;
  bytes: Uint8Array;
}

export interface BatchFile {
  schema: BatchFileSchema;
  batches: FileBatch[];
  /** Where the file stops making sense, if it does; the batches before are whole. */
  cut: UserError | undefined;
}

/**
 * Schema and batches of a file, as far as it is whole.
 * @throws UserError for what is no batch file, or ends within its schema
 */
export function readBatchFile(bytes: Uint8Array): BatchFile {
  if (!isBatchFile(bytes)) throw stranger(bytes[0]);
  const end = bytes.subarray(0, SCHEMA_BYTES_MAX).indexOf(10, MAGIC.length);
  if (end < 0) throw damaged("the schema has no end");
  const schema = parseSchema(new TextDecoder().decode(bytes.subarray(MAGIC.length, end)));
  const batches: FileBatch[] = [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = end + 1;
  while (at < bytes.length) {
    const offset = at + 4;
    const length = offset <= bytes.length ? view.getUint32(at) : 0;
    if (length === 0 || length > BATCH_BYTES_MAX || offset + length > bytes.length) break;
    batches.push({ offset, bytes: bytes.subarray(offset, offset + length) });
    at = offset + length;
  }
  return { schema, batches, cut: at < bytes.length ? cutAt(at, batches.length) : undefined };
}

function cutAt(offset: number, count: number): UserError {
  return new UserError(`batch ${count} at byte ${offset} is cut off`, {
    code: "batch-file",
    hint: `get the file again; the batches before (${count}) are decoded`,
  });
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
  if (names.length > CHANNELS_MAX)
    throw damaged(`the schema names ${names.length} channels, at most ${CHANNELS_MAX}`);
  return schema as BatchFileSchema;
}
