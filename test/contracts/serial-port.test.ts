// What every serial port promises, asked of all three: memory, RFC 2217 on loopback, the native library on a pty.
import { afterEach, describe, expect, test } from "vitest";
import { findPtyBridge, servePty } from "../../host-tools/emulator/bench/pty.ts";
import type { DeviceError } from "../../host-tools/serial/error.ts";
import { type MemoryLine, type MemoryPeer, memorySource } from "../../host-tools/serial/memory.ts";
import { nativeSource } from "../../host-tools/serial/native.ts";
import type { PortSource, SerialLines } from "../../host-tools/serial/port.ts";
import { rfc2217Source } from "../../host-tools/serial/rfc2217.ts";
import { serveRfc2217 } from "../../host-tools/serial/rfc2217-server.ts";
import { isSame, sampleImage } from "../support/bench.ts";

/** Sends everything back and remembers what was done to it. */
class EchoPeer implements MemoryPeer {
  isAttached = true;
  readonly lines: SerialLines[] = [];
  readonly bauds: number[] = [];
  #line: MemoryLine | undefined;

  opened(line: MemoryLine): void {
    this.#line = line;
  }
  received(bytes: Uint8Array): void {
    this.#line?.deliver(new Uint8Array(bytes));
  }
  linesChanged(lines: SerialLines): void {
    this.lines.push(lines);
  }
  baudChanged(baud: number): void {
    this.bauds.push(baud);
  }
  closed(): void {
    this.#line = undefined;
  }
  pullPlug(): void {
    this.isAttached = false;
    this.#line?.hangUp();
  }
}

interface Rig {
  readonly source: PortSource;
  readonly peer: EchoPeer;
  stop(): Promise<void>;
}

const rigs: Readonly<Record<string, () => Promise<Rig>>> = {
  memory: async () => {
    const peer = new EchoPeer();
    return { peer, source: memorySource("memory:echo", () => peer), stop: async () => {} };
  },
  "rfc 2217": async () => {
    const peer = new EchoPeer();
    const end = memorySource("memory:echo", () => peer);
    const server = await serveRfc2217(end, { host: "127.0.0.1", port: 0 });
    return { peer, source: rfc2217Source(server.url), stop: () => server.close() };
  },
  "native on a pty (needs socat or python3)": async () => {
    const peer = new EchoPeer();
    const pty = await servePty(memorySource("memory:echo", () => peer));
    return { peer, source: nativeSource(pty.path), stop: () => pty.close() };
  },
};

const canMakePty = findPtyBridge() !== undefined;

describe.each(Object.keys(rigs))("%s", (name) => {
  const isPty = name.includes("pty");
  const check = test.skipIf(isPty && !canMakePty);
  let rig: Rig | undefined;
  afterEach(async () => {
    await rig?.stop();
    rig = undefined;
  });

  async function open() {
    rig = await rigs[name]!();
    let received: Uint8Array = new Uint8Array(0);
    let wake = () => {};
    const closes: DeviceError[] = [];
    const port = await rig.source.open(115_200, {
      onData: (bytes) => {
        received = Buffer.concat([received, bytes]);
        wake();
      },
      onClose: (error) => {
        closes.push(error);
        wake();
      },
    });
    const until = async (isDone: () => boolean) => {
      while (!isDone()) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    };
    return { ...rig, port, closes, until, received: () => received };
  }

  check("all byte values and many bytes arrive unchanged and in order", async () => {
    const { port, until, received } = await open();
    const bytes = sampleImage(100_000, 6);
    bytes.set(Uint8Array.from({ length: 256 }, (_, value) => value));
    for (let at = 0; at < bytes.length; at += 9000) await port.write(bytes.subarray(at, at + 9000));
    await until(() => received().length >= bytes.length);
    expect(isSame(received(), bytes)).toBe(true);
    await port.close();
  });

  check("a pulled plug closes the port once, and writing says so", async () => {
    const { port, peer, closes, until } = await open();
    await port.write(Uint8Array.of(1));
    peer.pullPlug();
    await until(() => closes.length > 0);
    expect(closes.map(({ code }) => code)).toEqual(["port-gone"]);
    await expect(port.write(Uint8Array.of(2))).rejects.toMatchObject({ code: "port-gone" });
    await port.close();
  });

  check("closing twice is fine, and one's own close is no event", async () => {
    const { port, closes } = await open();
    await port.close();
    await port.close();
    await expect(port.setBaud(9600)).rejects.toMatchObject({ code: "port-gone" });
    expect(closes).toEqual([]);
  });

  check("it can be opened again after closing", async () => {
    const first = await open();
    await first.port.close();
    const again = await first.source.open(57_600, { onData: () => {}, onClose: () => {} });
    await again.close();
  });

  // In memory the second one takes over: tests swap boards behind a name.
  if (name !== "memory")
    check("a second client is told that the port is busy; the first one stays", async () => {
      const { source, port, until, received } = await open();
      const quiet = { onData: () => {}, onClose: () => {} };
      await expect(source.open(115_200, quiet)).rejects.toMatchObject({
        code: "port-busy",
        exitCode: 7,
        hint: expect.stringContaining("end th"),
      });
      await port.write(Uint8Array.of(7));
      await until(() => received().length === 1);
      await port.close();
      const next = await source.open(115_200, quiet);
      await next.close();
    });

  check("both lines change together; a pty, which has none, ignores them", async () => {
    const { port, peer } = await open();
    for (const lines of [
      { dtr: true, rts: true },
      { dtr: true, rts: false },
      { dtr: false, rts: true },
      { dtr: false, rts: false },
    ]) {
      await port.setLines(lines);
    }
    await port.setBaud(460_800);
    await port.close();
    const seen = peer.lines.map(({ dtr, rts }) => `${Number(dtr)}${Number(rts)}`);
    expect(seen).toEqual(isPty ? [] : ["11", "10", "01", "00"]);
    if (!isPty) expect(peer.bauds.at(-1)).toBe(460_800);
  });
});
