/** The XS network against a TLS socket with the SDK's manners: it throws where it should report, and reads on by itself. */
import { beforeEach, describe, expect, it, vi } from "vitest";
import type { Network, SocketError, SocketOptions } from "../../../firmware/ports/socket.ts";
import { World } from "../../../host-tools/sim/world.ts";

interface TcpOptions {
  onReadable(count: number): void;
  onWritable(count: number): void;
  onError(): void;
}

/** What the test does with the connection from outside. */
const wire = vi.hoisted(() => ({
  tcp: undefined as (TcpOptions & { isClosed: boolean }) | undefined,
  /** Records that TLS will decrypt, in order; an Error is thrown in place of a record. */
  records: [] as (Uint8Array | Error)[],
  secure: [] as unknown[],
  timers: { set: (_callback: () => void): object => ({}) },
}));

vi.mock("timer", () => ({ default: {} }));

vi.mock("embedded:io/socket/tcp", () => ({
  default: class {
    readable = 0;
    constructor(options: TcpOptions) {
      wire.tcp = { ...options, isClosed: false };
    }
    close() {
      if (wire.tcp) wire.tcp.isClosed = true;
    }
  },
}));

vi.mock("embedded:io/socket/tcp/tls", () => ({
  default: class {
    #tcp: { readable: number; close(): void };
    #data: Uint8Array | undefined;
    #isReady = false;
    #options: SocketOptions;
    // biome-ignore lint/suspicious/noExplicitAny: the options of a module without types
    constructor(options: any) {
      this.#options = options;
      wire.secure.push(options.secure);
      this.#tcp = new options.TCP.io({
        ...options,
        onReadable: (count: number) => this.#next(count),
        onWritable: (count: number) => {
          if (!this.#isReady) return;
          options.onWritable(count - 96);
        },
        onError: () => options.onError(),
      });
    }
    #next(count: number) {
      this.#tcp.readable = count;
      if (this.#data) return;
      const record = wire.records.shift();
      this.#tcp.readable = wire.records.length;
      if (record instanceof Error) throw record;
      if (!record) return;
      if (!this.#isReady) {
        this.#isReady = true;
        this.#options.onWritable(1000);
        return;
      }
      this.#data = record;
      this.#options.onReadable(record.length);
    }
    read(count: number) {
      const data = this.#data!;
      const part = data.slice(0, count);
      this.#data = count < data.length ? data.subarray(count) : undefined;
      if (!this.#data && this.#tcp.readable) wire.timers.set(() => this.#next(this.#tcp.readable));
      return part.buffer;
    }
    write(bytes: Uint8Array) {
      return 1000 - bytes.length;
    }
    close() {
      this.#tcp.close();
    }
  },
}));

class Resolver {
  resolve(request: { host: string; onResolved(host: string, address: string): void }) {
    request.onResolved(request.host, "192.0.2.1");
  }
  close() {}
}

const { XsNetwork } = await import("../../../firmware/platform/xs/network.ts");

let world: World;
let network: Network;
let heard: string;
let errors: SocketError[];
let ownTimers: number;

/** Connects, writes down what is heard, and closes after the first record if asked to. */
function connect(tls: SocketOptions["tls"] = {}, closesAfterRead = false): void {
  const socket = network.connect({
    host: "hub.test",
    port: 8883,
    tls,
    onWritable() {},
    onReadable(count) {
      heard += Buffer.from(socket.read(count)).toString();
      if (closesAfterRead) socket.close();
    },
    onError: (error) => errors.push(error),
  });
}

const text = (value: string) => new Uint8Array(Buffer.from(value));

beforeEach(() => {
  world = new World({ seed: 1 });
  const timers = {
    start: (delayMs: number, callback: () => void) => world.clock.after(delayMs, callback),
    stop: () => {},
  };
  network = new XsNetwork(
    timers,
    () => {},
    () => new Resolver() as never,
  );
  heard = "";
  errors = [];
  ownTimers = 0;
  wire.records = [];
  wire.secure = [];
  wire.timers.set = () => {
    ownTimers++;
    return {};
  };
});

describe("XsNetwork", () => {
  it("turns what TLS throws during the handshake into a certificate error", () => {
    connect();
    wire.records.push(new Error("bad certificate"));
    expect(() => wire.tcp!.onReadable(1)).not.toThrow();
    expect(errors).toEqual([{ code: "certificate", message: "TLS: Error: bad certificate" }]);
    expect(wire.tcp!.isClosed).toBe(true);
  });

  it("takes several roots in turn, one for each attempt", () => {
    for (let i = 0; i < 3; i++) connect({ roots: [Uint8Array.of(1), Uint8Array.of(2)] });
    const roots = wire.secure.map((secure) => {
      const { certificate, verify } = secure as { certificate: ArrayBuffer; verify: boolean };
      return [...new Uint8Array(certificate), verify];
    });
    expect(roots).toEqual([
      [1, true],
      [2, true],
      [1, true],
    ]);
  });
});

describe("records that arrive together", () => {
  it("are read on from our timer, never from one whose exceptions nobody catches", () => {
    connect();
    wire.records.push(text("handshake"), text("one"), text("two"), new Error("bad record"));
    wire.tcp!.onReadable(4);
    wire.tcp!.onReadable(3);
    expect(heard).toBe("one");
    world.clock.runFor(1000);
    expect(heard).toBe("onetwo");
    expect(ownTimers).toBe(0);
    expect(errors).toEqual([{ code: "closed", message: "TLS: Error: bad record" }]);
  });

  it("are not read after close", () => {
    connect({}, true);
    wire.records.push(text("handshake"), text("one"), text("two"));
    wire.tcp!.onReadable(3);
    wire.tcp!.onReadable(2);
    world.clock.runFor(1000);
    expect(heard).toBe("one");
    expect(errors).toEqual([]);
  });
});
