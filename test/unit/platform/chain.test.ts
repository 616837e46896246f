// Whom a board trusts: chains that a stranger can put together, one broken link or right at a time.
import { X509Certificate } from "node:crypto";
import fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import { GodwitError } from "../../../firmware/codec/error.ts";
import { parseCertificate } from "../../../firmware/platform/tls/certificate.ts";
import { CHAIN_LENGTH_MAX, verifyChain } from "../../../firmware/platform/tls/chain.ts";
import { type Issued, issue, type Wish } from "../../support/certificates.ts";

const host = "hub.test";
const now = new Date("2027-01-01");
const hosts = [host];

let root: Issued;
let ca: Issued;
let server: Issued;

beforeAll(async () => {
  root = await issue({ name: "root", ca: true });
  ca = await issue({ name: "ca", issuer: root, ca: 0, usage: "keyCertSign" });
  server = await issue({
    name: host,
    issuer: ca,
    hosts,
    ca: false,
    purposes: ["1.3.6.1.5.5.7.3.1"],
  });
});

interface Setting {
  readonly host?: string;
  readonly now?: Date;
  readonly roots?: readonly Issued[];
}

/** Node's verdict on one link; what it cannot even read is not signed. */
function isSignedBy(certificate: { der: Uint8Array }, issuer: { der: Uint8Array }): boolean {
  try {
    const { publicKey } = new X509Certificate(issuer.der);
    return new X509Certificate(certificate.der).verify(publicKey);
  } catch {
    return false;
  }
}

function judge(chain: readonly { der: Uint8Array }[], setting: Setting = {}): void {
  verifyChain(
    chain.map(({ der }) => der),
    {
      host: setting.host ?? host,
      nowMs: (setting.now ?? now).getTime(),
      rootsFor: () => (setting.roots ?? [root]).map(({ der }) => der),
      isSignedBy,
    },
  );
}

function expectRefused(chain: readonly { der: Uint8Array }[], why: RegExp, setting?: Setting) {
  expect(() => judge(chain, setting)).toThrow(
    expect.objectContaining({ code: "credentials", message: expect.stringMatching(why) }),
  );
}

test("a chain from the server to a root is trusted, with the root in it or more behind it", async () => {
  judge([server, ca]);
  judge([server, ca, root]);
  judge([server, ca, root, await issue({ name: "anybody" })]);
  judge([server], { roots: [ca] });
  judge([server, ca], { roots: [await issue({ name: "root", ca: true }), root] });
});

test("who has a chain for another name, or only the real one's public parts, is not trusted", async () => {
  const other = await issue({ name: "other", issuer: ca, hosts: ["other.test"] });
  const forger = await issue({ name: "forger" });
  const own = await issue({ name: host, hosts });
  const forged = await issue({ name: host, issuer: ca, forger, hosts });
  const below = await issue({ name: host, issuer: other, hosts });
  expectRefused([], /no certificate/);
  expectRefused([other, ca], /names other hosts/);
  expectRefused([own], /no trusted root/);
  for (const real of [[ca], [ca, root], [server, ca], [root]])
    expectRefused([own, ...real], /is no CA|not signed by its issuer/);
  expectRefused([forged, ca], /not signed by its issuer/);
  expectRefused([forged, ca, root], /not signed by its issuer/);
  expectRefused([forged], /no trusted root/);
  expectRefused([below, other, ca], /is no CA/);
  expectRefused([server, root], /not signed by its issuer/);
  expectRefused([ca, root], /names other hosts/);
});

test("a certificate that names its issuer but was signed by another of that name is not trusted", async () => {
  const namesake = await issue({ name: "ca", ca: true });
  const child = await issue({ name: host, issuer: namesake, hosts });
  expectRefused([child, ca], /not signed/);
  expectRefused([child, namesake], /no trusted root/);
  expectRefused([child], /no trusted root/, { roots: [ca] });
});

test("a key under another name is another issuer", async () => {
  const alias = await issue({ name: "alias", issuer: root, ca: true, keyOf: ca });
  const child = await issue({ name: host, issuer: alias, hosts });
  judge([child, alias]);
  expectRefused([child, ca], /not signed by its issuer/);
  expectRefused([child], /no trusted root/, { roots: [ca] });
});

test("a certificate that names two signature algorithms is refused, not guessed after", () => {
  const bytes = server.der.slice();
  const algorithm = Buffer.from("06082a8648ce3d040302", "hex");
  bytes[Buffer.from(bytes).lastIndexOf(algorithm) + algorithm.length - 1] = 3;
  expect(() => parseCertificate(bytes)).toThrow(/two signature algorithms/);
});

test.each<[what: string, wish: Partial<Wish>, why: RegExp]>([
  ["without a word about being a CA", {}, /is no CA/],
  ["that says it is none", { ca: false }, /is no CA/],
  ["that may not sign", { ca: true, usage: "digitalSignature" }, /is no CA/],
  ["that has expired", { ca: true, to: new Date("2026-12-31") }, /expired/],
  ["that is not valid yet", { ca: true, from: new Date("2027-06-01") }, /not valid yet/],
  [
    "that is limited to some names",
    { ca: true, extension: { id: "2.5.29.30", isCritical: false, value: [0x30, 0] } },
    /unknown extension/,
  ],
])("an issuer %s is none", async (_, wish, why) => {
  const issuer = await issue({ name: "bad", issuer: root, ...wish });
  expectRefused([await issue({ name: host, issuer, hosts }), issuer], why);
});

test.each<[what: string, wish: Partial<Wish>, why: RegExp]>([
  ["has expired", { to: new Date("2026-12-31T23:59:59Z") }, /expired/],
  ["is not valid yet", { from: new Date("2027-01-01T00:00:01Z") }, /not valid yet/],
  ["has no names but the common one", { hosts: undefined as never }, /other hosts/],
  ["is for clients", { purposes: ["1.3.6.1.5.5.7.3.2"] }, /not meant for servers/],
  [
    "has a critical extension that nobody here knows",
    { extension: { id: "1.2.3.4", isCritical: true, value: [5, 0] } },
    /unknown extension/,
  ],
])("a server's certificate that %s is refused", async (_, wish, why) => {
  expectRefused([await issue({ name: host, issuer: ca, hosts, ...wish }), ca], why);
});

test("a clock outside the chain's dates refuses it; a root out of its dates is none", async () => {
  expectRefused([server, ca], /not valid yet/, { now: new Date("2020-01-01") });
  expectRefused([server, ca], /expired/, { now: new Date("2030-01-01") });
  const old = await issue({ name: "old", ca: true, to: new Date("2026-06-01") });
  const child = await issue({ name: host, issuer: old, hosts });
  expectRefused([child], /no trusted root/, { roots: [old] });
});

test("a path longer than a CA allows, or than anybody needs, is refused", async () => {
  const below = await issue({ name: "below", issuer: ca, ca: true });
  expectRefused([await issue({ name: host, issuer: below, hosts }), below, ca], /is no CA/);
  const narrow = await issue({ name: "narrow", ca: 0 });
  const middle = await issue({ name: "middle", issuer: narrow, ca: true });
  const child = await issue({ name: host, issuer: middle, hosts });
  expectRefused([child, middle], /no trusted root/, { roots: [narrow] });
  const many = Array.from({ length: CHAIN_LENGTH_MAX + 1 }, () => ca);
  expectRefused([server, ...many], /too long/);
});

test.each<[name: string, asked: string, isTaken: boolean]>([
  ["hub.test", "HUB.test", true],
  ["HUB.TEST", "hub.test", true],
  ["*.devices.test", "a.devices.test", true],
  ["*.devices.test", "a.b.devices.test", false],
  ["*.devices.test", "devices.test", false],
  ["*.devices.test", ".devices.test", false],
  ["*.test", "hub.test", false],
  ["*", "hub", false],
  ["h*.devices.test", "hub.devices.test", false],
  ["a.*.test", "a.b.test", false],
  ["*.*.test", "a.b.test", false],
  ["hub.test.evil.test", "hub.test", false],
  ["hub.test\0.evil.test", "hub.test", false],
  ["192.0.2.1", "192.0.2.1", true],
  ["192.0.2.1", "192.0.2.2", false],
  ["*.0.2.1", "192.0.2.1", false],
])("a certificate for %j and the host %s: %s", async (name, asked, isTaken) => {
  const certificate = await issue({ name: "x", issuer: ca, hosts: [name] });
  const take = () => judge([certificate, ca], { host: asked });
  if (isTaken) take();
  else expect(take).toThrow(/other hosts/);
});

test("a damaged certificate is a typed error or a certificate, never anything else", () => {
  fc.assert(
    fc.property(
      fc.nat(server.der.length - 1),
      fc.integer({ min: 1, max: 255 }),
      fc.nat(server.der.length),
      (at, change, length) => {
        const bytes = server.der.slice(0, length < 50 ? length : server.der.length);
        if (at < bytes.length) bytes[at]! ^= change;
        try {
          judge([{ der: bytes }, ca]);
        } catch (error) {
          expect(error).toBeInstanceOf(GodwitError);
          return;
        }
        expect(isSignedBy({ der: bytes }, ca)).toBe(true);
      },
    ),
    { numRuns: 600 },
  );
});

test("lengths that are not DER, and bytes behind the end, are refused", () => {
  const { der } = server;
  const long = Uint8Array.of(0x30, 0x83, 0, der[2]!, der[3]!, ...der.subarray(4));
  expect(() => parseCertificate(long)).toThrow(/no definite DER/);
  expect(() => parseCertificate(Uint8Array.of(...der, 0))).toThrow(/left over/);
  expect(() => parseCertificate(Uint8Array.of(0x30, 0x80, 0, 0))).toThrow(/no definite DER/);
});
