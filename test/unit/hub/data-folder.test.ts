// A hub's data folder in every bad state: told, never repaired at the cost of what devices trust, nothing lost.
import { X509Certificate } from "node:crypto";
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { hubPaths, readContact, writeContact } from "../../../host-tools/hub/data-dir.ts";
import { openOffline } from "../../../host-tools/hub/hub.ts";
import { openAuthority } from "../../../host-tools/hub/pki/authority.ts";
import { InjectClient } from "../../../host-tools/hub/service-client.ts";

const parent = mkdtempSync(join(tmpdir(), "godwit-data-"));
const whole = join(parent, "whole");
const other = join(parent, "other");
const folder = join(parent, "hub");
const pki = (name: string) => join(folder, "pki", name);
const contact = {
  pid: null,
  hostName: "localhost",
  address: "127.0.0.1",
  mqttsPort: 8883,
  httpsPort: 8443,
  caFile: pki("ca.pem"),
  ownerConnectionString: "HostName=localhost;SharedAccessKeyName=iothubowner;SharedAccessKey=a2V5",
};

/** A hub that has run: store, keys and contact. Gives its CA and its devices. */
async function visit(dataDir: string, newCa = false) {
  const hub = await openOffline({ dataDir, newCa });
  try {
    const client = new InjectClient(hub.api, hub.ownerConnectionString);
    const devices = (await client.call("GET", "/devices")) as { deviceId: string }[];
    if (devices.length === 0) await client.call("PUT", "/devices/dev1", { body: {} });
    const server = await hub.authority.serverCertificate([]);
    return { ca: hub.authority.caPem, server, devices: devices.map(({ deviceId }) => deviceId) };
  } finally {
    await hub.close();
  }
}

let ca: string;

beforeAll(async () => {
  ca = (await visit(whole)).ca;
  await openAuthority(join(other, "pki"));
});
beforeEach(() => {
  cpSync(whole, folder, { recursive: true });
  writeContact(hubPaths(folder), contact);
});
afterEach(() => rmSync(folder, { recursive: true }));
afterAll(() => rmSync(parent, { recursive: true }));

/** Every file below the keys' folder with its bytes. */
function keys(): Record<string, string> {
  const found = readdirSync(folder, { recursive: true, withFileTypes: true });
  const files = found.filter((one) => one.isFile() && one.parentPath !== folder);
  return Object.fromEntries(
    files.map(({ parentPath, name }) => [name, readFileSync(join(parentPath, name), "base64")]),
  );
}

const half = (path: string) => truncateSync(path, readFileSync(path).length >> 1);
const copyOf = (name: string) => cpSync(join(other, "pki", name), pki(name));
const replaceByFolder = (path: string) => {
  rmSync(path, { recursive: true });
  mkdirSync(path);
};

test.each<[name: string, damage: () => void, code: string, about: RegExp]>([
  ["a half-written CA key", () => half(pki("ca-key.pem")), "ca-unusable", /ca-key\.pem/],
  ["an empty CA key", () => truncateSync(pki("ca-key.pem"), 0), "ca-unusable", /ca-key\.pem/],
  ["a CA key that is missing", () => rmSync(pki("ca-key.pem")), "ca-unusable", /trust its CA/],
  ["keys that are missing", () => replaceByFolder(pki("")), "ca-unusable", /trust its CA/],
  ["the CA key of another hub", () => copyOf("ca-key.pem"), "ca-unusable", /another CA/],
  ["the certificate of another CA", () => copyOf("ca.pem"), "ca-unusable", /another CA/],
  [
    "keys of another hub",
    () => ["ca-key.pem", "ca.pem"].map(copyOf),
    "ca-unusable",
    /another CA than the one that this hub's store knows/,
  ],
  ["a folder in place of the key", () => replaceByFolder(pki("ca-key.pem")), "data-io", /EISDIR/],
  [
    "a file in place of the keys' folder",
    () => {
      rmSync(pki(""), { recursive: true });
      writeFileSync(join(folder, "pki"), "");
    },
    "data-io",
    /EEXIST|ENOTDIR/,
  ],
  ["a store cut in half", () => half(join(folder, "hub.db")), "store-damaged", /hub\.db/],
  ["an emptied store", () => truncateSync(join(folder, "hub.db"), 0), "store-damaged", /empty/],
  [
    "a store that is missing beside its log",
    () => {
      rmSync(join(folder, "hub.db"));
      writeFileSync(join(folder, "hub.db-wal"), "a log with all that was written last");
    },
    "store-damaged",
    /log is there/,
  ],
])(
  "%s: refused by name with a way out, and no file of its is touched",
  async (_, damage, code, about) => {
    damage();
    const [before, log] = [keys(), join(folder, "hub.db-wal")];
    await expect(visit(folder)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(about),
      hint: expect.stringMatching(/./),
    });
    expect(keys()).toEqual(before);
    if (about.source.includes("log")) expect(readFileSync(log, "utf8")).toContain("written last");
    // What the hint says first: restored from a copy, all is there again.
    rmSync(folder, { recursive: true });
    cpSync(whole, folder, { recursive: true });
    expect(await visit(folder)).toMatchObject({ ca, devices: ["dev1"] });
  },
);

test.each<[name: string, damage: () => void]>([
  ["a half-written public copy of the CA", () => half(pki("ca.pem"))],
  ["a missing public copy of the CA", () => rmSync(pki("ca.pem"))],
  ["a half-written server key", () => half(pki("server-key.pem"))],
  ["a missing server key", () => rmSync(pki("server-key.pem"))],
])("%s is made again of the same CA", async (_, damage) => {
  damage();
  const found = await visit(folder);
  expect(found).toMatchObject({ ca, devices: ["dev1"] });
  expect(readFileSync(pki("ca.pem"), "utf8")).toBe(ca);
  const server = new X509Certificate(found.server.certificatePem);
  expect(server.verify(new X509Certificate(ca).publicKey)).toBe(true);
  expect(readFileSync(pki("server-key.pem"), "utf8")).toContain(found.server.certificatePem);
});

test("a new CA is made when it is asked for; the old one is put aside, the devices stay", async () => {
  half(pki("ca-key.pem"));
  const damaged = readFileSync(pki("ca-key.pem"), "utf8");
  const found = await visit(folder, true);
  expect(found.devices).toEqual(["dev1"]);
  expect(found.ca).not.toBe(ca);
  const aside = readdirSync(pki("")).filter((name) => name.endsWith(".old"));
  expect(aside.map((name) => name.replace(/\..*/, "")).sort()).toEqual([
    ...["ca", "ca-key", "server-key"],
  ]);
  const key = aside.find((name) => name.startsWith("ca-key"))!;
  expect(readFileSync(pki(key), "utf8")).toBe(damaged);
  // From now on it is the one that devices trust.
  expect((await visit(folder)).ca).toBe(found.ca);
  rmSync(pki("ca-key.pem"));
  await expect(visit(folder)).rejects.toMatchObject({ code: "ca-unusable" });
});

test.each(["", "{", "[]", '{"pid":1}', '{"caFile":"x","httpsPort":1}'])(
  "a contact file with %j in it is named",
  (text) => {
    const paths = hubPaths(folder);
    expect(readContact(paths)).toEqual(contact);
    writeFileSync(paths.contact, text);
    expect(() => readContact(paths)).toThrow(
      expect.objectContaining({ code: "contact-damaged", hint: expect.stringContaining("rm ") }),
    );
  },
);

test("a folder of somebody else is an error of the machine that says what to look at", async () => {
  const paths = hubPaths(folder);
  replaceByFolder(paths.contact);
  expect(() => readContact(paths)).toThrow(
    expect.objectContaining({ code: "data-io", exitCode: 7, hint: expect.stringContaining("ls") }),
  );
  // root may read everything: for the time of the test it is somebody else.
  const isRoot = process.geteuid?.() === 0;
  chmodSync(folder, 0);
  if (isRoot) process.seteuid!(65_534);
  try {
    await expect(visit(folder)).rejects.toMatchObject({
      code: "store-io",
      exitCode: 7,
      message: expect.stringMatching(/EACCES|permission|unable to open/),
    });
    await expect(openAuthority(join(folder, "pki"))).rejects.toMatchObject({ code: "data-io" });
  } finally {
    if (isRoot) process.seteuid!(0);
    chmodSync(folder, 0o700);
  }
});
