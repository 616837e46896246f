/** The gate of boards over the SDK's cryptography, which Node plays here: which signatures and roots are believed. */
import { createHash, type KeyObject, verify, X509Certificate } from "node:crypto";
import { afterEach, beforeAll, expect, test, vi } from "vitest";
import { type Issued, issue } from "../../support/certificates.ts";

const sdk = vi.hoisted(() => ({
  files: {} as Record<string, Uint8Array>,
  exponent: 65_537n,
  /** Judges handed to gates, in order. */
  judges: [] as ((chain: Uint8Array[]) => void)[],
}));

/** The SDK signs nothing but digests: what was digested is looked up again. */
const digested = new Map<ArrayBuffer, { name: string; bytes: Uint8Array }>();

vi.mock("crypt", () => ({
  Digest: class {
    #bytes = new Uint8Array();
    readonly name: string;
    constructor(name: string) {
      this.name = name;
    }
    write(bytes: Uint8Array) {
      this.#bytes = Uint8Array.from([...this.#bytes, ...bytes]);
    }
    close() {
      const digest = new Uint8Array(createHash(this.name).update(this.#bytes).digest()).buffer;
      digested.set(digest, { name: this.name, bytes: this.#bytes });
      return digest;
    }
  },
}));

function isRight(key: KeyObject, digest: ArrayBuffer, signature: Uint8Array): boolean {
  const { name, bytes } = digested.get(digest)!;
  return verify(name, bytes, key, signature);
}

vi.mock("x509", () => ({
  default: {
    decodeSPKI(der: Uint8Array) {
      const key = new X509Certificate(der).publicKey;
      return key.asymmetricKeyType === "rsa"
        ? { modulus: 1n, exponent: sdk.exponent, key }
        : { curve: {}, pub: key };
    },
  },
}));
vi.mock("pkcs1_5", () => ({
  default: class {
    readonly key: KeyObject;
    constructor({ key }: { key: KeyObject }) {
      this.key = key;
    }
    verify(digest: ArrayBuffer, signature: Uint8Array) {
      return isRight(this.key, digest, signature);
    }
  },
}));
vi.mock("ecdsa", () => ({
  default: class {
    readonly key: KeyObject;
    constructor(key: KeyObject) {
      this.key = key;
    }
    verify(digest: ArrayBuffer, signature: Uint8Array) {
      return isRight(this.key, digest, signature);
    }
  },
}));
vi.mock("Resource", () => ({
  default: class {
    readonly #bytes: Uint8Array;
    constructor(name: string) {
      const bytes = sdk.files[name];
      if (!bytes) throw new Error(`no ${name}`);
      this.#bytes = Uint8Array.from(bytes);
    }
    slice(begin: number) {
      return this.#bytes.slice(begin).buffer;
    }
  },
}));
vi.mock("../../../firmware/platform/tls/handshake-gate.ts", async (original) => ({
  ...(await original<object>()),
  HandshakeGate: class {
    constructor(judge: (chain: Uint8Array[]) => void) {
      sdk.judges.push(judge);
    }
  },
}));

const { newHandshakeGate } = await import("../../../firmware/platform/xs/handshake.ts");

let root: Issued;
let rsaRoot: Issued;

beforeAll(async () => {
  vi.useFakeTimers({ now: new Date("2027-01-01"), toFake: ["Date"] });
  root = await issue({ name: "root", ca: true });
  rsaRoot = await issue({ name: "rsa root", ca: true, isRsa: true });
});
afterEach(() => {
  sdk.files = {};
  sdk.exponent = 65_537n;
});

function judge(chain: readonly Issued[], roots: readonly Issued[]): void {
  newHandshakeGate(
    "hub.test",
    roots.map(({ der }) => der),
  );
  sdk.judges.at(-1)!(chain.map(({ der }) => der));
}

const server = (issuer: Issued, wish: Partial<Parameters<typeof issue>[0]> = {}) =>
  issue({ name: "hub.test", issuer, hosts: ["hub.test"], ...wish });

test.each(["SHA-256", "SHA-384", "SHA-512"])("signatures with %s are believed", async (hash) => {
  judge([await server(root, { hash })], [root]);
  judge([await server(rsaRoot, { hash })], [rsaRoot]);
});

test("signatures with SHA-1, of short or wrong keys and of a small exponent are not", async () => {
  const untrusted = expect.objectContaining({ code: "credentials" });
  const weak = await server(rsaRoot, { hash: "SHA-1" });
  expect(() => judge([weak], [rsaRoot])).toThrow(untrusted);
  const forged = await server(root, { forger: await issue({ name: "root", ca: true }) });
  expect(() => judge([forged], [root])).toThrow(untrusted);
  const crossed = await server(root, { forger: rsaRoot });
  expect(() => judge([crossed], [root])).toThrow(untrusted);
  const short = await issue({ name: "short", ca: true, isRsa: true, modulusBits: 1024 });
  const below = await server(short);
  expect(() => judge([below], [short])).toThrow(untrusted);
  const fine = await server(rsaRoot);
  sdk.exponent = 3n;
  expect(() => judge([fine], [rsaRoot])).toThrow(untrusted);
});

test("the board's clock decides about dates", async () => {
  const later = await server(root, { from: new Date("2027-06-01") });
  expect(() => judge([later], [root])).toThrow(/not valid yet/);
});

test("without roots of its own a connection takes the one that the SDK's store has under the issuer's key", async () => {
  const certificate = await server(root);
  expect(() => judge([certificate], [])).toThrow(/no ca.ski/);
  const id = Buffer.from(await root.certificate.publicKey.getKeyIdentifier());
  sdk.files = { "ca.ski": Buffer.alloc(40, 7) };
  expect(() => judge([certificate], [])).toThrow(/no trusted root/);
  sdk.files = { "ca.ski": Buffer.concat([Buffer.alloc(20, 7), id]), "ca1.der": root.der };
  judge([certificate], []);
  // The store is for those who brought nothing: with roots of one's own nobody else is trusted.
  expect(() => judge([certificate], [rsaRoot])).toThrow(/no trusted root/);
});
