/** The XS network against a TLS socket with the SDK's manners: it throws where it should report, and reads on by itself. */
import { beforeEach, describe, expect, it, vi } from "vitest";
import { GodwitError } from "../../../firmware/codec/error.ts";
import type { Network, SocketError, SocketOptions } from "../../../firmware/ports/socket.ts";
import { World } from "../../../host-tools/sim/world.ts";

interface TcpOptions {
  onReadable(count: number): void;
  onWritable(count: number): void;
  onError(): void;
}

interface WireTcp {
  readable: number;
  read(target?: Uint8Array | number): unknown;
  close(): void;
}

/** What the test does with the connection from outside. */
const wire = vi.hoisted(() => ({
  tcp: undefined as (TcpOptions & { isClosed: boolean }) | undefined,
  /** Records that TLS will decrypt, in order; an Error is thrown in place of a record. */
  records: [] as (Uint8Array | Error)[],
  secure: [] as unknown[],
  /** Bytes that arrived, and how TLS reads them before it takes the next record. */
  bytes: [] as number[],
  read: undefined as ((tcp: WireTcp) => void) | undefined,
  timers: { set: (_callback: () => void): object => ({}) },
}));

vi.mock("timer", () => ({ default: {} }));

vi.mock("embedded:io/socket/tcp", () => {
  class Tcp {
    readable = 0;
    constructor(options: TcpOptions) {
      wire.tcp = { ...options, isClosed: false };
    }
    read(target?: Uint8Array | number) {
      if (!(target instanceof Uint8Array))
        return Uint8Array.from(wire.bytes.splice(0, target ?? wire.bytes.length)).buffer;
      target.set(wire.bytes.splice(0, target.length));
      return target.length;
    }
    close() {
      if (wire.tcp) wire.tcp.isClosed = true;
    }
  }
  // As on a board, where classes are preloaded.
  Object.freeze(Tcp.prototype);
  return { default: Tcp };
});

vi.mock("embedded:io/socket/tcp/tls", () => ({
  default: class {
    #tcp: WireTcp;
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
      wire.read?.(this.#tcp);
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

const { gateReads } = await import("../../../firmware/platform/xs/gated-read.ts");
const { XsNetwork } = await import("../../../firmware/platform/xs/network.ts");

let world: World;
let network: Network;
let heard: string;
let errors: SocketError[];
let ownTimers: number;
let gates: FakeGate[];

interface FakeGate {
  readonly host: string;
  readonly roots: readonly Uint8Array[];
  isOpen: boolean;
  readonly seen: number[];
  feed(bytes: Uint8Array): void;
}

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
  gates = [];
  network = new XsNetwork(
    timers,
    () => {},
    () => new Resolver() as never,
    (host, roots) => {
      const gate: FakeGate = { host, roots, isOpen: false, seen: [], feed: () => {} };
      gate.feed = (bytes) => void gate.seen.push(...bytes);
      gates.push(gate);
      return (tcp) => gateReads(tcp, gate);
    },
  );
  heard = "";
  errors = [];
  ownTimers = 0;
  wire.records = [];
  wire.secure = [];
  wire.read = undefined;
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
      const { certificate, verify, cache } = secure as Record<string, boolean> & {
        certificate: ArrayBuffer;
      };
      return [...new Uint8Array(certificate), verify, cache];
    });
    // Always verified; never resumed, because a resumed session shows no certificate.
    expect(roots).toEqual([
      [1, true, false],
      [2, true, false],
      [1, true, false],
    ]);
  });
});

describe("the gate before TLS", () => {
  it("is made for each connection, of its host and all its roots", () => {
    const roots = [Uint8Array.of(1), Uint8Array.of(2)];
    connect({ roots });
    connect();
    expect(gates.map((gate) => [gate.host, gate.roots])).toEqual([
      ["hub.test", roots],
      ["hub.test", []],
    ]);
  });

  it("sees what TLS reads, in every way to read, until it is open", () => {
    connect();
    wire.bytes = [1, 2, 3, 4, 5, 6, 7, 8, 9];
    const into = new Uint8Array(8);
    wire.read = (tcp) => {
      tcp.read(into.subarray(2, 5));
      tcp.read(2);
      gates[0]!.isOpen = true;
      tcp.read(new Uint8Array(1));
      tcp.read(new Uint8Array(1));
      tcp.read();
    };
    wire.tcp!.onReadable(9);
    expect([...into]).toEqual([0, 0, 1, 2, 3, 0, 0, 0]);
    expect(gates[0]!.seen).toEqual([1, 2, 3, 4, 5, 6]);
    expect(wire.bytes).toEqual([]);
    expect(errors).toEqual([]);
  });

  it.each([
    ["malformed", "handshake"],
    ["credentials", "certificate"],
  ] as const)("that refuses with %s ends the connection before TLS acts", (code, known) => {
    connect();
    gates[0]!.feed = () => {
      throw new GodwitError(code, "refused");
    };
    wire.bytes = [21, 3, 3];
    wire.records.push(text("handshake"));
    wire.read = (tcp) => void tcp.read(new Uint8Array(3));
    expect(() => wire.tcp!.onReadable(3)).not.toThrow();
    expect(errors).toEqual([{ code: known, message: "TLS: GodwitError: refused" }]);
    expect(wire.tcp!.isClosed).toBe(true);
    expect(wire.records.length).toBe(1);
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
