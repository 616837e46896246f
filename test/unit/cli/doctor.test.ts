// Findings of `godwit doctor` for machines that this one is not.
import { mkdtempSync, rmSync } from "node:fs";
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
    expect(checkEngine(packageRoot()).status).toBe("ok");
    expect((await checkStore()).status).toBe("ok");
    expect(checkEngine(empty).status).toBe("fail");
    expect(checkPackages(empty).detail).toBe("installed by npm");
  } finally {
    rmSync(empty, { recursive: true });
  }
});
