// `godwit hub` as a cold process, used by Microsoft's device SDK and by other `godwit` processes.
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { connect as connectTls } from "node:tls";
import { fileURLToPath } from "node:url";
import { Client, Message } from "azure-iot-device";
import { Mqtt } from "azure-iot-device-mqtt";
import { generate } from "mqtt-packet";
import { afterAll, beforeAll, expect, test } from "vitest";
import { WebSocket } from "ws";
import { toDtdl } from "../../host-tools/model/to-dtdl.ts";
import { EPOCH_MS, tankEvent, tankModel } from "../support/telemetry-dump.ts";

const main = fileURLToPath(new URL("../../build/host-tools/cli/main.js", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "godwit-hub-command-"));
const data = join(folder, "hub");

interface Line {
  readonly schema: string;
  readonly event: string;
  readonly [field: string]: unknown;
}

interface Serving {
  readonly process: ChildProcess;
  readonly ready: Line;
}

let serving: Serving;

/** The first line of a command that goes on. */
async function serve(...args: string[]): Promise<Serving> {
  const child = spawn(process.execPath, [main, "hub", "--json", "--data", data, ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line] = (await once(createInterface({ input: child.stdout! }), "line")) as [string];
  return { process: child, ready: JSON.parse(line) as Line };
}

/** A command that ends: its lines and exit code. */
function godwit(...args: string[]): Promise<{ lines: Line[]; exitCode: number; stderr: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [main, ...args, "--json"], (error, stdout, stderr) => {
      const lines = stdout
        .split("\n")
        .filter(Boolean)
        .map((line) => JSON.parse(line) as Line);
      resolve({ lines, exitCode: typeof error?.code === "number" ? error.code : 0, stderr });
    });
  });
}

const hub = (...args: string[]) => godwit("hub", ...args, "--data", data);

beforeAll(async () => {
  serving = await serve("--port", "0", "--https", "0");
});

afterAll(() => {
  serving?.process.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

/** A tail that has shown its first line; what it returns waits for exit code and last line. */
async function tailing(verb: string): Promise<() => Promise<[number, Line]>> {
  const args = [verb, "tail", "--after", "0", "--device", "tank-1", "--data", data, "--json"];
  const child = spawn(process.execPath, [main, ...args], { stdio: ["ignore", "pipe", "ignore"] });
  const ended = once(child, "close");
  const lines: string[] = [];
  const reader = createInterface({ input: child.stdout });
  reader.on("line", (line) => lines.push(line));
  await once(reader, "line");
  return async () => {
    const [exitCode] = (await ended) as [number];
    return [exitCode, JSON.parse(lines.at(-1)!) as Line];
  };
}

async function connect(connectionString: string): Promise<Client> {
  const client = Client.fromConnectionString(connectionString, Mqtt);
  await client.setOptions({ ca: readFileSync(String(serving.ready.caFile), "utf8") });
  await client.open();
  return client;
}

test("the hub serves its certificate with its issuer's: boards take no chain of one", async () => {
  const { mqttsPort, caFile } = serving.ready;
  const socket = connectTls({
    port: Number(mqttsPort),
    host: "localhost",
    rejectUnauthorized: false,
  });
  await once(socket, "secureConnect");
  const { issuerCertificate } = socket.getPeerCertificate(true);
  socket.destroy();
  const ca = new X509Certificate(readFileSync(String(caFile)));
  expect(issuerCertificate?.raw).toEqual(ca.raw);
});

test("the hub tells its endpoints, its CA and its owner's connection string", () => {
  const { ready } = serving;
  expect(ready).toMatchObject({
    schema: "godwit/hub/1",
    event: "ready",
    mqtts: `mqtts://localhost:${ready.mqttsPort}`,
    https: `https://localhost:${ready.httpsPort}`,
    idScope: expect.stringMatching(/^0ne/),
  });
  expect(ready.ownerConnectionString).toMatch(
    /^HostName=localhost:\d+;SharedAccessKeyName=iothubowner;SharedAccessKey=.{44}$/,
  );
  expect((statSync(join(data, "hub.json")).mode & 0o777).toString(8)).toBe("600");
});

test("a device made by one process works with the SDK; others call it, write to it and hear it", async () => {
  const added = await hub("device", "add", "dev1");
  const client = await connect(String(added.lines[0]?.connectionString));
  client.onDeviceMethod("echo", (request, response) => response.send(207, request.payload));
  const message = new Promise<string>((resolve) =>
    client.on("message", (received: Message) => {
      void client.complete(received);
      resolve(`${received.getData()} ${received.properties.getValue("k")}`);
    }),
  );
  try {
    const tail = hub("tail", "--device", "dev1", "--after", "0", "--count", "1");
    const called = await hub("method", "dev1", "echo", '{"a":[1]}');
    expect(called.lines[0]).toMatchObject({ event: "method", status: 207, payload: { a: [1] } });
    await hub("send", "dev1", "good day", "--property", "k=ü v");
    expect(await message).toBe("good day ü v");
    await client.sendEvent(new Message('{"t":21}'));
    expect((await tail).lines[0]).toMatchObject({ schema: "godwit/hub/1", deviceId: "dev1" });
    const { lines } = await hub("device", "list");
    expect(lines[0]).toMatchObject({ deviceId: "dev1", connectionState: "Connected" });
  } finally {
    await client.close();
  }
});

/** An event of a dump as the SDK sends it. */
function messageOf(event: ReturnType<typeof tankEvent>): Message {
  const { bodyBase64, properties, systemProperties } = event;
  const message = new Message(Buffer.from(bodyBase64, "base64"));
  // The SDK's type knows JSON alone; on the wire it takes any.
  Object.assign(message, { contentType: systemProperties["content-type"] });
  for (const [name, value] of Object.entries(properties)) message.properties.add(name, value ?? "");
  return message;
}

test("telemetry tail and export decode what reaches the hub, and name what does not", async () => {
  const added = await hub("device", "add", "tank-1");
  const model = join(folder, "tank.json");
  writeFileSync(model, JSON.stringify(toDtdl(tankModel)));
  const from = ["--model", model, "--device", "tank-1", "--data", data];
  const client = await connect(String(added.lines[0]?.connectionString));
  try {
    const tail = godwit("telemetry", "tail", "--after", "0", "--count", "4", ...from);
    for (const sequence of [1, 3, 3]) await client.sendEvent(messageOf(tankEvent(sequence)));
    await client.sendEvent(new Message("no batch"));
    const { lines } = await tail;
    expect(lines.map(({ values, device }) => [values, device]).slice(0, 4)).toEqual([
      [{ level: 1.5, open: true }, "tank-1"],
      [{ level: 1.25 }, "tank-1"],
      [{ level: 3.5, open: true }, "tank-1"],
      [{ level: 3.25 }, "tank-1"],
    ]);
    expect(lines.at(-1)).toMatchObject({ event: "delivery", missing: 1, declared: 0 });
  } finally {
    await client.close();
  }
  const out = join(folder, "tank.csv");
  const exported = await godwit(
    "telemetry",
    "export",
    "hub",
    "--format",
    "csv",
    "--out",
    out,
    ...from,
  );
  expect(exported.exitCode).toBe(2);
  expect(exported.lines.map(({ event }) => event)).toEqual([
    ...["delivery", "damaged", "exported", "error"],
  ]);
  expect(exported.lines[0]).toMatchObject({ messages: 3, duplicates: 1, missing: 1 });
  expect(exported.lines[2]).toMatchObject({ rows: 4, damaged: 1 });
  expect(readFileSync(out, "utf8").split("\n")[0]).toBe("t_ms,device,boot,uptime_ms,level,open");
});

test("telemetry tail dates what it has shown before the clock of its boot was known", async () => {
  const added = await hub("device", "add", "tank-2");
  const client = await connect(String(added.lines[0]?.connectionString));
  try {
    const more = ["--after", "0", "--count", "4", "--device", "tank-2", "--data", data];
    const tail = godwit("telemetry", "tail", ...more);
    await client.sendEvent(messageOf(tankEvent(0)));
    await client.sendEvent(messageOf(tankEvent(1, { epochMs: EPOCH_MS })));
    const { lines } = await tail;
    expect(lines.map(({ event, t_ms }) => [event, t_ms])).toEqual([
      ["row", undefined],
      ["row", undefined],
      ["boot-time", EPOCH_MS],
      ["row", EPOCH_MS + 1000],
      ["row", EPOCH_MS + 1500],
      ["delivery", undefined],
    ]);
    expect(lines[2]).toMatchObject({ device: "tank-2", boot: 7 });
  } finally {
    await client.close();
  }
});

test("without a hub, tail and export say so", async () => {
  const nowhere = ["--data", join(folder, "nowhere")];
  for (const args of [["tail"], ["export", "hub", "--out", join(folder, "none.csv")]])
    expect(await godwit("telemetry", ...args, ...nowhere)).toMatchObject({
      exitCode: 4,
      lines: [{ event: "error", code: "hub-not-running" }],
    });
});

test("a device with a certificate connects; its key is its owner's alone", async () => {
  const { lines } = await hub("device", "add", "dev/x", "--x509");
  expect(lines[0]).toMatchObject({ event: "error", code: "ArgumentInvalid" });
  const [device] = (await hub("device", "add", "cert-1", "--x509")).lines;
  const [certFile, keyFile] = [String(device?.certFile), String(device?.keyFile)];
  expect((statSync(keyFile).mode & 0o777).toString(8)).toBe("600");
  const client = Client.fromConnectionString(String(device?.connectionString), Mqtt);
  await client.setOptions({
    ca: readFileSync(String(serving.ready.caFile), "utf8"),
    cert: readFileSync(certFile, "utf8"),
    key: readFileSync(keyFile, "utf8"),
  });
  await client.open();
  await client.sendEvent(new Message("by certificate"));
  await client.close();
});

test("devices may come by WebSocket on the service's port", async () => {
  const ca = readFileSync(String(serving.ready.caFile), "utf8");
  const url = `wss://localhost:${serving.ready.httpsPort}/$iothub/websocket`;
  const socket = new WebSocket(url, "mqtt", { ca });
  await once(socket, "open");
  const answered = once(socket, "message") as Promise<[Buffer]>;
  socket.send(
    generate({
      cmd: "connect",
      clientId: "nobody",
      username: "localhost/nobody/?api-version=2021-04-12",
    }),
  );
  // CONNACK, "not authorized": the hub itself answers.
  expect([...(await answered)[0]]).toEqual([0x20, 2, 0, 5]);
  socket.terminate();
});

test("a hub of another name is reached where it listens", async () => {
  const named = join(folder, "named");
  const args = ["--host", "godwit-hub.invalid", "--port", "0", "--https", "0", "--data", named];
  const { process: child } = await serve(...args);
  try {
    const { lines } = await godwit("hub", "device", "add", "d", "--data", named);
    expect(lines[0]?.connectionString).toMatch(/^HostName=godwit-hub\.invalid:\d+;DeviceId=d;/);
  } finally {
    child.kill("SIGINT");
    await once(child, "exit");
  }
});

test("ports and data in use are refused with a way out", async () => {
  const port = String(serving.ready.mqttsPort);
  const other = join(folder, "other");
  const taken = await godwit("hub", "--port", port, "--https", "0", "--data", other);
  expect(taken).toMatchObject({ exitCode: 2, lines: [{ event: "error", code: "port-in-use" }] });
  const twice = await hub("--port", "0", "--https", "0");
  expect(twice).toMatchObject({ exitCode: 2, lines: [{ event: "error", code: "data-in-use" }] });
  expect(twice.stderr).toContain("try: ");
  expect(existsSync(join(other, "hub.json"))).toBe(false);
});

test("a killed hub keeps its devices; verbs work on its folder at rest; Ctrl-C ends it in order", async () => {
  const tails = await Promise.all(["hub", "telemetry"].map((verb) => tailing(verb)));
  serving.process.kill("SIGKILL");
  await once(serving.process, "exit");
  for (const ended of tails)
    expect(await ended()).toMatchObject([4, { event: "error", code: "hub-gone" }]);
  expect((await hub("device", "list")).lines.map((line) => line.deviceId)).toContain("dev1");
  const enrolled = await hub("enroll", "--group", "plant", "--device", "reg1");
  expect(enrolled.lines[0]).toMatchObject({
    idScope: serving.ready.idScope,
    deviceKey: expect.stringMatching(/=$/),
  });
  expect(await hub("method", "dev1", "echo")).toMatchObject({
    exitCode: 4,
    lines: [{ code: "hub-not-running" }],
  });
  serving = await serve("--port", "0", "--https", "0");
  const again = await hub("enroll", "--group", "plant", "--device", "reg1");
  expect(again.lines[0]?.deviceKey).toBe(enrolled.lines[0]?.deviceKey);
  serving.process.kill("SIGINT");
  expect(await once(serving.process, "exit")).toEqual([0, null]);
});
