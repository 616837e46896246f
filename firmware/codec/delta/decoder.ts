// Decoder of delta batches for host, hub and browser (firmware/SPEC.md). Input is hostile: everything is bounded.
import { crc32 } from "../crc32.ts";
import { BodyReader } from "./body-reader.ts";
import type { DecodedBatch, DecodeOptions } from "./decoded-batch.ts";
import { readHeader } from "./header.ts";
import { PRIORS } from "./priors-table.ts";
import { RangeDecoder } from "./range-decoder.ts";
import { malformed } from "./value-reader.ts";

/**
 * Decodes one batch.
 * @throws GodwitError `malformed` for every input that is no batch of this version; the text says what and where.
 */
export function decodeBatch(bytes: Uint8Array, options: DecodeOptions = {}): DecodedBatch {
  const header = readHeader(bytes);
  let end = bytes.length;
  if (options.requireCrc && !header.hasCrc) throw malformed("no CRC");
  if (header.hasCrc) {
    end -= 4;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    if (end < header.bodyOffset || crc32(bytes.subarray(0, end)) !== view.getUint32(end))
      throw malformed(`CRC differs over ${end} bytes`);
  }
  const coder = new RangeDecoder(bytes, header, end, options.priors ?? PRIORS);
  return new BodyReader(coder, header, options).read();
}
