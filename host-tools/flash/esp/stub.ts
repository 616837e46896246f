// The flasher stub: data that ships inside the npm package esptool-js (Apache-2.0 / MIT), read at run time.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { DeviceError } from "../../serial/error.ts";
import type { EspLink } from "./link.ts";
import { op, words } from "./protocol.ts";

export interface StubSegment {
  readonly address: number;
  readonly bytes: Uint8Array;
}

export interface StubImage {
  readonly entry: number;
  readonly segments: readonly StubSegment[];
}

/** Greeting of a stub that runs. */
const greeting = "OHAI";
const startTimeoutMs = 1000;

/** @throws DeviceError `stub-missing` when the package or the chip's data is missing. */
export function loadStub(name: string): StubImage {
  const specifier = `esptool-js/lib/targets/stub_flasher/${name}.json`;
  try {
    const file = createRequire(import.meta.url).resolve(specifier);
    const stub = JSON.parse(readFileSync(file, "utf8")) as Record<string, unknown>;
    return parseStub(stub);
  } catch (cause) {
    throw new DeviceError("stub-missing", `no flasher stub for ${name}`, {
      hint: "npm ci, or godwit flash --no-stub",
      cause,
    });
  }
}

function parseStub(stub: Record<string, unknown>): StubImage {
  const segments = ["text", "data"].flatMap((part): StubSegment[] => {
    const address = stub[`${part}_start`];
    const content = stub[part];
    if (typeof content !== "string" || typeof address !== "number") return [];
    return [{ address, bytes: Buffer.from(content, "base64") }];
  });
  if (typeof stub.entry !== "number" || segments.length === 0) {
    throw new TypeError("entry or text is missing");
  }
  return { entry: stub.entry, segments };
}

/**
 * Loads the stub into RAM and starts it.
 * @throws DeviceError `stub-failed` when it does not greet; `no-reply` or `refused` while loading.
 */
export async function startStub(link: EspLink, stub: StubImage, blockBytes: number): Promise<void> {
  for (const { address, bytes } of stub.segments) {
    const blocks = Math.ceil(bytes.length / blockBytes);
    await link.request(op.memBegin, words(bytes.length, blocks, blockBytes, address));
    for (let sequence = 0; sequence < blocks; sequence++) {
      const payload = bytes.subarray(sequence * blockBytes, (sequence + 1) * blockBytes);
      await link.request(op.memData, words(payload.length, sequence, 0, 0), { payload });
    }
  }
  await link.request(op.memEnd, words(0, stub.entry));
  const deadlineMs = link.clock.nowMs() + startTimeoutMs;
  for (;;) {
    const frame = await link.readFrame(deadlineMs - link.clock.nowMs()).catch((cause) => {
      throw new DeviceError("stub-failed", "the flasher stub did not start", {
        hint: "godwit flash --no-stub (slower, fewer features)",
        cause,
      });
    });
    if (new TextDecoder("latin1").decode(frame) === greeting) return;
  }
}
