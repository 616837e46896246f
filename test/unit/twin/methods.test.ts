// Direct methods over the wire: typed requests, every status, timeouts, concurrency, hostile payloads.
import { beforeEach, expect, test } from "vitest";
import { Rig } from "../../support/thermo.ts";

let rig: Rig;

beforeEach(async () => {
  rig = new Rig().start();
  await rig.run(2000);
});

async function call(name: string, body: string | Buffer) {
  const rid = rig.hub.callMethod(name, body);
  await rig.run(1000);
  return rig.hub.answerTo(rid);
}

const message = (text: string) => JSON.stringify({ message: text });

test("a command is answered with its typed response", async () => {
  expect(await call("echo", '"hello"')).toEqual({ status: 200, body: '"hello"' });
});

test("a command without response is answered with nothing", async () => {
  expect(await call("reboot", "5")).toEqual({ status: 200, body: "" });
});

test("a command without request takes any or no payload", async () => {
  for (const body of ["", "null", "{}", "[[[["]) {
    const answer = await call("fail", body);
    expect(answer?.status).toBe(500);
  }
});

const refused: [string, string, number, string][] = [
  ["format", "5", 404, "no command format"],
  ["constructor", "5", 404, "no command constructor"],
  ["__proto__", "5", 404, "no command __proto__"],
  ["echo", "5", 400, "request is not a string"],
  ["echo", "", 400, "request is not a string"],
  ["echo", "null", 400, "request is not a string"],
  ["echo", "hello", 400, "request is not JSON"],
  ["echo", `[${"[],".repeat(4000)}[]]`, 400, "request JSON holds too many values"],
  ["echo", `${"[".repeat(10_000)}`, 400, "request JSON holds too many values"],
  ["echo", `"${"x".repeat(5000)}"`, 400, "request is longer than 4096 characters"],
  ["reboot", "61", 400, "request 61 is above the maximum 60"],
  ["reboot", "1.5", 400, "request 1.5 is not an integer"],
  ["echo", '"no"', 409, "not now"],
  ["fail", "", 500, "broken relay"],
];

test.each(refused)("%s %.20s is answered with %i: %s", async (name, body, status, text) => {
  expect(await call(name, body)).toEqual({ status, body: message(text) });
  expect(await call("echo", '"still here"')).toMatchObject({ status: 200 });
});

test("a broken handler is named in the log and stays local", async () => {
  await call("fail", "");
  expect(rig.log).toContain("error: command fail failed: broken relay");
  expect(rig.device.counters.handlerErrors).toBe(1);
});

test("an asynchronous command answers when it is done", async () => {
  const rid = rig.hub.callMethod("slow", "");
  await rig.run(5000);
  expect(rig.hub.answerTo(rid)).toBeUndefined();
  rig.finishSlow?.(42);
  await rig.run(1000);
  expect(rig.hub.answerTo(rid)).toEqual({ status: 200, body: "42" });
});

test("a response that breaks the model is an error of the device", async () => {
  const rid = rig.hub.callMethod("slow", "");
  await rig.run(1000);
  rig.finishSlow?.(1.5);
  await rig.run(1000);
  const text = "command slow: its response 1.5 is not an integer";
  expect(rig.hub.answerTo(rid)).toEqual({ status: 500, body: message(text) });
});

test("a command that takes too long is answered with 504, once", async () => {
  const rid = rig.hub.callMethod("slow", "");
  await rig.run(24_000);
  expect(rig.hub.answerTo(rid)).toBeUndefined();
  await rig.run(2000);
  expect(rig.hub.answerTo(rid)?.status).toBe(504);
  rig.finishSlow?.(42);
  await rig.run(1000);
  expect(rig.hub.answers).toHaveLength(1);
});

test("beyond four running commands further ones are told to come later", async () => {
  const rids = [1, 2, 3, 4].map(() => rig.hub.callMethod("slow", ""));
  expect(await call("echo", '"hello"')).toEqual({
    status: 429,
    body: message("too many commands"),
  });
  await rig.run(30_000);
  expect(rids.map((rid) => rig.hub.answerTo(rid)?.status)).toEqual([504, 504, 504, 504]);
  expect(await call("echo", '"hello"')).toMatchObject({ status: 200 });
});

test("an answer to a call of a lost connection is not sent on the next one", async () => {
  rig.hub.callMethod("slow", "");
  await rig.run(1000);
  rig.hub.drop();
  await rig.run(60_000);
  rig.finishSlow?.(42);
  await rig.run(60_000);
  expect(rig.hub.answers).toEqual([]);
  expect(await call("echo", '"hello"')).toMatchObject({ status: 200 });
});

test("a rejection is answered like a throw", async () => {
  const failing = new Rig({
    device: {
      commands: {
        reboot: () => Promise.reject(new Error("stuck")),
        echo: (text) => text,
        slow: () => 1,
        fail: () => {},
      },
    },
  }).start();
  await failing.run(2000);
  const rid = failing.hub.callMethod("reboot", "1");
  await failing.run(1000);
  expect(failing.hub.answerTo(rid)).toEqual({ status: 500, body: message("stuck") });
});

test("a planned renewal of the connection ends its calls as well", async () => {
  const renewing = new Rig({ device: { connection: { tokenLifeS: 60 } } }).start();
  await renewing.run(44_000);
  renewing.hub.callMethod("slow", "");
  for (let i = 0; i < 20 && renewing.hub.connects === 1; i++) await renewing.run(1000);
  expect(renewing.hub.connects).toBe(2);
  renewing.finishSlow?.(42);
  await renewing.run(1000);
  expect(renewing.hub.answers).toEqual([]);
});
