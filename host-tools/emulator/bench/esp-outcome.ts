// What a loader's command leads to, and the reasons with which ROM and stub refuse one.
import { blockChecksum, wordAt } from "../../flash/esp/protocol.ts";
import { refusal } from "./esp-writer.ts";

export const romUnsupported = 5;
export const romFailed = 6;

/** What a command leads to. */
export interface Outcome {
  readonly value?: number;
  readonly data?: Uint8Array;
  /** 0 = done; otherwise the second status byte. */
  readonly reason?: number;
  readonly busyMs?: number;
  /** The stub acknowledges blocks before it writes them. */
  readonly isAckFirst?: boolean;
  readonly copies?: number;
  readonly after?: () => void;
}

export function badLength(isStub: boolean): number {
  return isStub ? refusal.badLength : romUnsupported;
}

/** The checked payload of a data command, or the reason to refuse it. */
export function payloadOf(
  body: Uint8Array,
  checksum: number,
  isStub: boolean,
): Uint8Array | number {
  const headerBytes = 16;
  if (body.length < headerBytes || wordAt(body, 0) !== body.length - headerBytes) {
    return badLength(isStub);
  }
  const payload = body.subarray(headerBytes);
  if (blockChecksum(payload) === checksum) return payload;
  return isStub ? refusal.badChecksum : 7;
}

export function fourWords(body: Uint8Array): [number, number, number, number] {
  return [wordAt(body, 0), wordAt(body, 4), wordAt(body, 8), wordAt(body, 12)];
}
