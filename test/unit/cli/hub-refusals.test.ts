// What the hub refuses is told with a way out: same verbs as in a shell, on the folder of a hub that does not run.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { run } from "../../../host-tools/cli/run.ts";
import { verbs } from "../../../host-tools/cli/verbs-table.ts";
import { openOffline } from "../../../host-tools/hub/hub.ts";
import { InjectClient } from "../../../host-tools/hub/service-client.ts";

const folder = mkdtempSync(join(tmpdir(), "godwit-refusals-"));
afterAll(() => rmSync(folder, { recursive: true }));

async function hub(...args: string[]) {
  let stderr = "";
  const exitCode = await run(["hub", ...args, "--data", folder], {
    verbs,
    version: "9.9.9",
    stdout: { write: () => undefined },
    stderr: { write: (text) => (stderr += text) },
    env: {},
    cwd: folder,
    interrupted: () => new AbortController().signal,
  });
  return { exitCode, stderr };
}

test.each([
  ["a device that exists", ["device", "add", "dev1"], /dev1.*already/, /device remove/],
  ["a bad id", ["device", "add", "no/slash"], /no\/slash.*is no id/, /check the name/],
  ["an unknown device's twin", ["twin", "nobody"], /nobody.*not registered/, /device add/],
  ["a message to an unknown device", ["send", "nobody", "x"], /nobody/, /device list/],
  ["a device to remove that is not there", ["device", "remove", "nobody"], /nobody/, /list/],
  ["an enrollment's bad name", ["enroll", "--group", "no/slash"], /no\/slash/, /check the name/],
  ["a query of nonsense", ["query", "SELECTED"], /expected SELECT.*character 1/, /check/],
])("%s: exit code 8, the reason, a way out", async (_name, args, reason, wayOut) => {
  if (args[1] === "add") await hub("device", "add", "dev1");
  const { exitCode, stderr } = await hub(...args);
  const [what, hint] = stderr.trim().split("\n");
  expect(what).toMatch(reason);
  expect(hint).toMatch(/^try: /);
  expect(hint).toMatch(wayOut);
  expect(exitCode).toBe(8);
});

test("a method of a device that is not connected: told how to wait for it", async () => {
  const offline = await openOffline({ dataDir: join(folder, "other") });
  try {
    const client = new InjectClient(offline.api, offline.ownerConnectionString);
    await client.call("PUT", "/devices/dev1", { body: { deviceId: "dev1" } });
    const body = { methodName: "x", payload: null };
    await expect(client.call("POST", "/twins/dev1/methods", { body })).rejects.toMatchObject({
      code: "DeviceNotOnline",
      exitCode: 8,
      hint: expect.stringContaining("--connect-timeout"),
    });
  } finally {
    await offline.close();
  }
});

test("a file of the user's that is not there is told with a way out", async () => {
  const { exitCode, stderr } = await hub("enroll", "--id", "x", "--cert", "missing.pem");
  expect(stderr).toMatch(/cannot be read.*missing\.pem\ntry: /);
  expect(exitCode).toBe(2);
});
