// The boards' TLS socket over real loopback TLS: verification, back-pressure, cut cables.
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer, type Server, type TLSSocket } from "node:tls";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import type { Socket, SocketError } from "../../firmware/ports/socket.ts";
import { openAuthority } from "../../host-tools/hub/pki/authority.ts";
import { RealPlatform } from "../../host-tools/sim/real-platform.ts";

const folder = mkdtempSync(join(tmpdir(), "godwit-tls-"));
const dayMs = 86_400_000;
let server: Server;
let port: number;
let roots: string;
let foreignRoots: string;
let platform: RealPlatform;
let serverEnd: Promise<TLSSocket>;

beforeAll(async () => {
  const authority = await openAuthority(join(folder, "own"));
  foreignRoots = (await openAuthority(join(folder, "foreign"))).caPem;
  roots = authority.caPem;
  const { keyPem, certificatePem } = await authority.serverCertificate(["localhost"]);
  server = createServer({ key: keyPem, cert: certificatePem });
  server.on("tlsClientError", () => undefined);
  server.listen(0, "localhost");
  await once(server, "listening");
  ({ port } = server.address() as AddressInfo);
});

afterEach(() => platform.powerOff());

afterAll(async () => {
  server.close();
  rmSync(folder, { recursive: true });
});

/** A board's connection; what happens to it comes as promises. */
function dial(trusted: string, host = "localhost", wallOffsetMs = 0) {
  platform = new RealPlatform({ roots: trusted });
  platform.clock.setWallMs(Date.now() + wallOffsetMs);
  serverEnd = once(server, "secureConnection").then(([end]) => {
    (end as TLSSocket).on("error", () => undefined);
    return end as TLSSocket;
  });
  let socket: Socket | undefined;
  let onReadable: (count: number) => void = () => undefined;
  let windowBytes = 0;
  let isOpen: () => void = () => undefined;
  const open = new Promise<void>((resolve) => {
    isOpen = resolve;
  });
  const failed = new Promise<SocketError>((resolve) => {
    socket = platform.network.connect({
      ...{ host, port, tls: {} },
      onReadable: (count) => onReadable(count),
      onWritable: (count) => {
        windowBytes = count;
        isOpen();
      },
      onError: resolve,
    });
  });
  return {
    open,
    failed,
    socket: socket!,
    room: () => windowBytes,
    listen: (listener: (count: number) => void) => {
      onReadable = listener;
    },
  };
}

test.each([
  ["another authority", "certificate", /certificate/, () => dial(foreignRoots)],
  ["a clock in 1970", "certificate", /not yet valid/, () => dial(roots, "localhost", -Date.now())],
  ["a clock past its end", "certificate", /expired/, () => dial(roots, "localhost", 9e4 * dayMs)],
])("a server's certificate is refused: %s", async (_name, code, message, connect) => {
  const { failed, open } = connect();
  const error = await Promise.race([failed, open]);
  expect(error).toMatchObject({ code, message: expect.stringMatching(message) });
});

test("a board that does not read makes its peer wait, and gets every byte when it does", async () => {
  const { open, socket, listen } = dial(roots);
  let available = 0;
  listen((count) => {
    available = count;
  });
  await open;
  const end = await serverEnd;
  const total = 4_000_000;
  const sent = new Promise<void>((resolve) =>
    end.write(new Uint8Array(total).fill(7), () => resolve()),
  );
  const first = await Promise.race([sent.then(() => "sent"), quiet(() => available)]);
  expect(first).toBe("quiet");
  // One TLS record more than the limit at most.
  expect(available).toBeLessThan(32_768 + 65_536);
  let received = 0;
  await new Promise<void>((resolve) => {
    const drain = (count: number) => {
      const bytes = socket.read(count);
      received += bytes.length;
      if (bytes.some((byte) => byte !== 7)) throw new Error("a wrong byte");
      if (received === total) resolve();
    };
    listen(drain);
    drain(available);
  });
  await sent;
});

/** Resolves when a figure above 0 has stood still for ten looks. */
async function quiet(figure: () => number): Promise<string> {
  for (let last = -1, same = 0; same < 10; ) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    same = figure() > 0 && figure() === last ? same + 1 : 0;
    last = figure();
  }
  return "quiet";
}

test("what is written or sent while the cable is cut arrives in order when it is back", async () => {
  const { open, socket, listen, room } = dial(roots);
  let heard = "";
  listen((count) => {
    heard += Buffer.from(socket.read(count)).toString();
  });
  await open;
  const end = await serverEnd;
  let told = "";
  end.on("data", (bytes: Buffer) => {
    told += bytes.toString();
  });
  const send = (text: string) => socket.write(new TextEncoder().encode(text));
  send("one ");
  await until(() => told === "one ");
  platform.setCut(true);
  const left = send("two ");
  expect(send("three ")).toBe(left - 6);
  expect(() => socket.write(new Uint8Array(room()))).toThrow(RangeError);
  end.write("hello");
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect([told, heard]).toEqual(["one ", ""]);
  platform.setCut(false);
  await until(() => told === "one two three " && heard === "hello");
  await until(() => room() === 8192);
});

test("a connection tried behind a cut cable is made when it is back", async () => {
  platform = new RealPlatform({ roots });
  platform.setCut(true);
  const open = new Promise<number>((resolve, reject) =>
    platform.network.connect({
      ...{ host: "localhost", port, tls: {} },
      onReadable: () => undefined,
      onWritable: resolve,
      onError: ({ message }) => reject(new Error(message)),
    }),
  );
  platform.setCut(false);
  expect(await open).toBe(8192);
});

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}
