// The store on disk: the common contract, then what only a file can do: survive, be locked, be damaged.
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "libsql";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openStore } from "../../../host-tools/hub/store/libsql-store.ts";
import { makeEvent, testHubStore } from "./hub-store-contract.ts";

const compiledStore = new URL(
  "../../../build/host-tools/hub/store/libsql-store.js",
  import.meta.url,
);
let folder: string;
let file: string;

function fresh(): void {
  folder = mkdtempSync(join(tmpdir(), "godwit-store-"));
  file = join(folder, "data", "hub.db");
}

const clean = () => rmSync(folder, { recursive: true, force: true });

describe("contract on disk", () => {
  testHubStore(() => {
    fresh();
    return openStore(file);
  }, clean);
});

describe("contract in memory of SQLite", () => {
  testHubStore(() => openStore(":memory:"));
});

describe("the file", () => {
  beforeEach(fresh);
  afterEach(clean);

  test("what was committed is there after reopening; the file is the owner's alone", () => {
    const store = openStore(file);
    store.put("identity", "dev1", { status: "enabled" });
    store.appendEvents([makeEvent(1), makeEvent(2)]);
    store.close();
    expect((statSync(file).mode & 0o777).toString(8)).toBe("600");
    const again = openStore(file);
    expect([...again.load("identity")]).toEqual([["dev1", { status: "enabled" }]]);
    expect(again.readEvents(0, 9)).toEqual([makeEvent(1), makeEvent(2)]);
    again.close();
  });

  test("a new folder is the owner's alone; a folder that was there keeps its permissions", () => {
    const shared = join(folder, "shared");
    mkdirSync(shared);
    chmodSync(shared, 0o755);
    openStore(join(shared, "hub.db")).close();
    openStore(file).close();
    const mode = (path: string) => (statSync(path).mode & 0o777).toString(8);
    expect([mode(shared), mode(join(folder, "data"))]).toEqual(["755", "700"]);
  });

  test("a trim inside a row outlives a restart", () => {
    const store = openStore(file);
    store.appendEvents([1, 2, 3, 4].map((number) => makeEvent(number)));
    store.commit();
    store.trimEvents(3);
    store.close();
    const again = openStore(file);
    expect(again.readEvents(0, 9).map((event) => event.sequenceNumber)).toEqual([3, 4]);
    again.close();
  });

  test("changes are written without a commit when too many are collected", () => {
    const store = openStore(file, { pendingMax: 10 });
    for (let index = 0; index < 25; index++) store.put("twin", `t${index}`, { index });
    const afterPowerCut = openStore(copyOfFiles());
    expect([...afterPowerCut.load("twin")]).toHaveLength(20);
    afterPowerCut.close();
    store.close();
  });

  test("what was committed survives a kill at once; the lock does not", () => {
    const killed = runAndKill();
    expect(killed.signal).toBe("SIGKILL");
    const store = openStore(file);
    expect([...store.load("twin")].map(([key]) => key)).toEqual(["committed"]);
    store.close();
  });

  test("a second opener is refused while the first is open", () => {
    const store = openStore(file);
    expect(() => openStore(file)).toThrow(
      expect.objectContaining({ code: "data-in-use", hint: expect.stringContaining("--data") }),
    );
    store.put("twin", "still", { works: true });
    store.commit();
    store.close();
    openStore(file).close();
  });

  test.each([
    ["text", () => writeFileSync(file, "not a database ".repeat(1000)), "store-damaged"],
    ["cut in half", () => truncateSync(file, 6000), "store-damaged"],
    ["of a newer godwit", () => pragma("user_version = 99"), "store-newer"],
    ["of another program", () => pragma("application_id = 7"), "store-foreign"],
  ])("a file that is %s is refused and left as it is", (_, damage, code) => {
    const store = openStore(file);
    for (let index = 0; index < 200; index++)
      store.put("twin", `t${index}`, { text: "x".repeat(200) });
    store.close();
    damage();
    const before = readFileSync(file);
    expect(() => openStore(file)).toThrow(
      expect.objectContaining({ code, exitCode: 2, hint: expect.any(String) }),
    );
    expect(readFileSync(file).equals(before)).toBe(true);
  });

  test("a folder that cannot be made is an error of the machine, not a bug", () => {
    writeFileSync(join(folder, "data"), "a file, not a folder");
    expect(() => openStore(file)).toThrow(expect.objectContaining({ code: "store-io" }));
  });

  function pragma(text: string): void {
    const database = new Database(file);
    database.exec("BEGIN IMMEDIATE");
    database.exec(`PRAGMA ${text}`);
    database.exec("COMMIT");
    database.close();
  }
});

/** The files as they are now, as a crash would leave them, under another name. */
function copyOfFiles(): string {
  const copy = join(folder, "copy", "hub.db");
  mkdirSync(join(folder, "copy"));
  for (const suffix of ["", "-wal"])
    if (existsSync(file + suffix)) copyFileSync(file + suffix, copy + suffix);
  return copy;
}

/** A process that commits one document, leaves another uncommitted, and is killed. */
function runAndKill() {
  const script = `
    const { openStore } = await import(${JSON.stringify(compiledStore.href)});
    const store = openStore(${JSON.stringify(file)});
    store.put("twin", "committed", { v: 1 });
    store.commit();
    store.put("twin", "collected", { v: 1 });
    process.kill(process.pid, "SIGKILL");
  `;
  return spawnSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8" });
}
