// The engine's modules behave like the SDK's: windows, limits, callbacks on the event loop.
import { expect, test } from "vitest";
import { ops } from "../../../firmware/engine/modules/ops.ts";
import type { Board } from "../../../host-tools/engine/board.ts";
import {
  type BoardEvent,
  boardEvents,
  RequestReader,
} from "../../../host-tools/engine/board-ops.ts";
import { start, type TestBoard, traced } from "./support.ts";

const bytes = (...values: number[]) => new Uint8Array(values);
const deliver = (board: Board, event: BoardEvent) => board.deliver(event.operation, event.bytes);

test("timers: order, repeat, reschedule, clear inside the callback", () => {
  const { board, host } = start(`
    import Timer from "timer";
    Timer.set(() => trace("b"), 20);
    Timer.set(() => trace("a"), 10);
    let n = 0;
    Timer.repeat((timer) => { trace("r" + ++n); if (n === 3) Timer.clear(timer); }, 15);
    const late = Timer.set(() => trace("late"), 5);
    Timer.schedule(late, 100);
    const again = Timer.set((timer) => { trace("again"); if (n < 3) Timer.schedule(timer, 25); }, 12);
    Timer.clear(undefined);
    try { const t = Timer.set(() => {}, 1); Timer.clear(t); Timer.schedule(t, 1); } catch (e) { trace(e.message); }
  `);
  host.run(board, 200);
  expect(host.lines.join(" ")).toBe("invalid timer a again r1 b r2 again r3 again late");
  expect(host.timers.size).toBe(0);
});

const socketApp = (type: string, options: string) => `
  import Socket from "${type}";
  let window = 0;
  const socket = new Socket({ ${options}, port: 8883,
    onReadable(count) { trace("readable " + count); globalThis.onReadable?.(this, count); },
    onWritable(count) { trace("writable " + count); window = count; globalThis.onWritable?.(this, count); },
    onError(error) { trace("error " + error.code + " " + error.message); },
  });
  const attempt = (name, action) => { try { trace(name + " " + action()); } catch (e) { trace(name + ": " + e.message); } };
  globalThis.attempt = attempt;
  attempt("early", () => socket.write(new Uint8Array(1)));
  globalThis.socket = socket;
`;

function connected(extra = ""): TestBoard {
  const test = start(`${socketApp("embedded:io/socket/tcp", 'address: "10.0.0.1"')} ${extra}`);
  expect(test.host.lines[0]).toBe("early: not ready");
  test.host.lines = [];
  return test;
}

test("sockets write within their window and nothing beyond it", () => {
  const { board, host } = connected(`
    globalThis.onWritable = (s) => {
      attempt("half", () => s.write(new Uint8Array([1, 2, 3, 4]).subarray(1, 3)));
      attempt("beyond", () => s.write(new Uint8Array(7)));
      attempt("rest", () => s.write(new Uint8Array(6).buffer));
      attempt("full", () => s.write(new Uint8Array(1)));
    };`);
  deliver(board, boardEvents.tcpWritable(1, 8));
  expect(host.lines).toEqual([
    "writable 8",
    "half 6",
    "beyond: would block",
    "rest 0",
    "full: would block",
  ]);
  const writes = host.calls.filter((call) => call.operation === ops.tcpWrite);
  expect(writes.map((call) => call.bytes.length - 4)).toEqual([2, 6]);
  expect([...(writes[0]?.bytes.subarray(4) ?? [])]).toEqual([2, 3]);
});

test("sockets read what is there and throw beyond it", () => {
  const { board, host } = connected(`
    globalThis.onReadable = (s, count) => {
      attempt("beyond", () => s.read(count + 1));
      attempt("two", () => new Uint8Array(s.read(2)));
      const buffer = new Uint8Array(10);
      attempt("fill", () => s.read(buffer) + " " + buffer.slice(0, 4));
      attempt("none", () => s.read());
    };`);
  const stream = bytes(10, 11, 12, 13, 14);
  let at = 0;
  host.answer = (operation, request) => {
    if (operation !== ops.tcpRead) return undefined;
    const reader = new RequestReader(request);
    reader.u32();
    const count = reader.u32();
    at += count;
    return stream.slice(at - count, at);
  };
  deliver(board, boardEvents.tcpReadable(1, 5));
  expect(host.lines).toEqual([
    "readable 5",
    "beyond: invalid count",
    "two 10,11",
    "fill 3 12,13,14,0",
    "none undefined",
  ]);
});

test("after an error or a close no callback comes, and the socket refuses work", () => {
  const { board, host } = connected();
  deliver(board, boardEvents.tcpError(1, "refused", "nobody listens"));
  deliver(board, boardEvents.tcpWritable(1, 8));
  expect(host.lines).toEqual(["error refused nobody listens"]);
  const second = connected(
    "socket.close(); socket.close(); attempt('write', () => socket.write(new Uint8Array(1)));",
  );
  deliver(second.board, boardEvents.tcpReadable(1, 8));
  expect(second.host.calls.filter((call) => call.operation === ops.tcpClose)).toHaveLength(1);
}, 10_000);

test("TLS sockets send their material and cannot switch verification off", () => {
  const options = `host: "hub.example", secure: { certificate: new Uint8Array([1, 2]), clientCertificates: [new Uint8Array([3])], clientKey: new Uint8Array([4]).buffer }`;
  const { host } = start(socketApp("embedded:io/socket/tcp/tls", options));
  const request = new RequestReader(host.calls[0]?.bytes ?? bytes());
  expect([request.u32(), request.u8(), request.u16(), request.name(), request.name()]).toEqual([
    1,
    1,
    8883,
    "hub.example",
    "",
  ]);
  expect([request.blobs(), request.blobs(), request.blobs()]).toEqual([
    [bytes(1, 2)],
    [bytes(3)],
    [bytes(4)],
  ]);
  const bad = start(
    socketApp("embedded:io/socket/tcp/tls", 'host: "h", secure: { verify: false }'),
  );
  expect(bad.board.status).toMatchObject({
    reason: "exception",
    message: "Error: verification cannot be switched off",
  });
});

test("names resolve through the embedder, and a closed resolver stays silent", () => {
  const { board, host } = start(`
    import Resolver from "embedded:network/dns/resolver/udp";
    const r = new Resolver({});
    const onResolved = (host, address) => trace(host + " " + address);
    const onError = (host) => trace(host + " failed");
    for (const host of ["a.example", "b.example"]) r.resolve({ host, onResolved, onError });
    const closed = new Resolver({}); closed.resolve({ host: "c.example", onResolved, onError }); closed.close();`);
  deliver(board, boardEvents.dnsError(2, "no"));
  deliver(board, boardEvents.dnsResolved(1, "10.1.2.3"));
  deliver(board, boardEvents.dnsResolved(3, "10.1.2.3"));
  expect(host.lines).toEqual(["b.example failed", "a.example 10.1.2.3"]);
});

test("digests come from the embedder", () => {
  const lines = traced(`
    import { Digest } from "crypt";
    try { new Digest("SHA256"); } catch (e) { trace(e.message); }`);
  expect(lines).toEqual(["unsupported digest"]);
});

test("random bytes follow the embedder's generator", () => {
  const source = `import RNG from "rng"; trace(new Uint8Array(RNG.get(10))); trace(Math.random() < 1);`;
  expect(traced(source)).toEqual(traced(source));
});

test("events for nobody and malformed events do no harm", () => {
  const { board } = start("");
  for (const operation of [0, 101, 102, 103, 104, 105, 999])
    for (const size of [4, 8, 40]) board.deliver(operation, new Uint8Array(size).fill(7));
  expect(board.status.state).toBe("running");
});
