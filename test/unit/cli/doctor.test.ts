// Findings of `godwit doctor` for machines that this one is not.
import {
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
import { expect, test } from "vitest";
import { checkMemory, checkModdable } from "../../../host-tools/cli/doctor/machine-checks.ts";
import {
  checkEngine,
  checkNode,
  checkPackages,
  checkStore,
} from "../../../host-tools/cli/doctor/package-checks.ts";
import { checkSerialGroup } from "../../../host-tools/cli/doctor/serial-checks.ts";
import { packageRoot } from "../../../host-tools/cli/package-root.ts";
import { inspectCache } from "../../../host-tools/engine/build.ts";
import { ensureEngine } from "../../../host-tools/engine/ensure.ts";

test.each([
  ["v20.19.0", "ok"],
  ["v24.0.1", "ok"],
  ["v20.18.9", "fail"],
  ["v18.20.0", "fail"],
])("Node %s is %s", (version, status) => {
  expect(checkNode(version).status).toBe(status);
});

test("every finding that is not ok says what to do", () => {
  const bad = [
    checkNode("v1.0.0"),
    checkMemory(1),
    checkModdable({}),
    checkSerialGroup("dialout:x:20:", []),
  ];
  for (const check of bad) expect(check.fix, check.id).toBeTruthy();
  expect(checkMemory(2 ** 33).status).toBe("ok");
  expect(checkSerialGroup("root:x:0:\ndialout:x:20:me\n", [1000, 20]).status).toBe("ok");
});

test("packages and engine: this clone is complete, an empty folder is not", async () => {
  const empty = mkdtempSync(join(tmpdir(), "godwit-doctor-"));
  try {
    expect((await checkEngine(packageRoot())).status).toBe("ok");
    expect((await checkStore()).status).toBe("ok");
    expect((await checkEngine(empty)).status).toBe("fail");
    expect(checkPackages(empty).detail).toBe("installed by npm");
  } finally {
    rmSync(empty, { recursive: true });
  }
});

test("a damaged or half-built engine is seen, told with a way out, and a whole one verified", async () => {
  const { cacheDir } = await ensureEngine();
  const folder = mkdtempSync(join(tmpdir(), "godwit-doctor-cache-"));
  const check = () => checkEngine(packageRoot(), folder);
  try {
    expect(inspectCache(folder)).toBe("empty");
    expect((await check()).status).toBe("ok");
    cpSync(join(cacheDir, "modules"), join(folder, "modules"), { recursive: true });
    expect(await check()).toMatchObject({ status: "ok", detail: expect.stringContaining("verif") });
    const boards = readdirSync(join(folder, "modules")).map((name) =>
      join(folder, "modules", name, "board.wasm"),
    );
    const whole = boards.map((path) => readFileSync(path));
    const damages: ((path: string) => void)[] = [
      (path) => truncateSync(path, 1000),
      (path) => truncateSync(path, 0),
      (path) => rmSync(path),
      (path) => {
        const bytes = readFileSync(path);
        bytes[5000]! ^= 1;
        writeFileSync(path, bytes);
      },
    ];
    for (const damage of damages) {
      boards.forEach(damage);
      expect(await check()).toMatchObject({ status: "warn", fix: "godwit engine build" });
      expect(inspectCache(folder)).toBe("damaged");
      boards.forEach((path, index) => {
        writeFileSync(path, whole[index]!);
      });
      expect(inspectCache(folder)).toBe("built");
    }
    rmSync(join(folder, "modules"), { recursive: true });
    mkdirSync(join(folder, "objects"));
    const objects = join(cacheDir, "objects");
    for (const name of readdirSync(objects))
      cpSync(join(objects, name), join(folder, "objects", name));
    expect(inspectCache(folder)).toBe("parts");
    expect(await check()).toMatchObject({ status: "warn", fix: "godwit engine build" });
  } finally {
    rmSync(folder, { recursive: true });
  }
});
