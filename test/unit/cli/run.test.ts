// The command line as a script sees it: streams, exit codes, JSON, misspellings.
import type { Command } from "commander";
import { expect, test } from "vitest";
import type { Context, Verb } from "../../../host-tools/cli/command.ts";
import { run } from "../../../host-tools/cli/run.ts";
import { exitCodes, UserError } from "../../../host-tools/user-error.ts";

function verb(register: (command: Command, context: Context) => void): Verb {
  return { summary: "does a thing", load: async () => ({ register }) };
}

async function godwit(args: string[], verbs: Record<string, Verb> = {}) {
  let stdout = "";
  let stderr = "";
  const exitCode = await run(args, {
    verbs: { greet: verb(greet), ...verbs },
    version: "9.9.9",
    stdout: { write: (text) => (stdout += text) },
    stderr: { write: (text) => (stderr += text) },
    env: {},
    cwd: "/",
    interrupted: () => new AbortController().signal,
  });
  return { exitCode, stdout, stderr };
}

function greet(command: Command, context: Context): void {
  command
    .argument("[name]")
    .option("--loud")
    .action((name = "world", options) => {
      context.output.result("greeting", { name, ...options }, `hello ${name}`);
    });
  command.command("twice").action(() => context.output.note("again"));
}

test("a result goes to stdout, a note to stderr", async () => {
  expect(await godwit(["greet", "you"])).toEqual({
    exitCode: 0,
    stdout: "hello you\n",
    stderr: "",
  });
  expect(await godwit(["greet", "twice"])).toEqual({ exitCode: 0, stdout: "", stderr: "again\n" });
});

test("--json gives every line a schema, wherever it stands", async () => {
  for (const args of [
    ["greet", "--json"],
    ["--json", "greet"],
  ]) {
    const { stdout } = await godwit(args);
    expect(JSON.parse(stdout)).toMatchObject({ schema: "godwit/greet/1", event: "greeting" });
  }
});

test.each([
  [["gret"], "unknown command 'godwit gret'", "try: godwit greet"],
  [["zzzzz"], "unknown command 'godwit zzzzz'", "try: godwit --help"],
  [["greet", "--lout"], "unknown option '--lout'", "Did you mean --loud?"],
  [["greet", "a", "b"], "unknown command 'godwit greet a'", "try: godwit greet --help"],
])("%j is refused with exit code 2 and a way out", async (args, message, hint) => {
  const { exitCode, stderr, stdout } = await godwit(args);
  expect(exitCode).toBe(exitCodes.usage);
  expect(stdout).toBe("");
  expect(stderr).toContain(message);
  expect(stderr).toContain(hint);
});

test("errors end with the exit code of their cause, and as an event with --json", async () => {
  const refuse = verb((command) => {
    command.action(() => {
      throw new UserError("no such hub", { exitCode: exitCodes.hub, hint: "godwit hub" });
    });
  });
  const { exitCode, stdout, stderr } = await godwit(["refuse", "--json"], { refuse });
  expect(exitCode).toBe(8);
  expect(stderr).toBe("godwit: no such hub\ntry: godwit hub\n");
  expect(JSON.parse(stdout)).toEqual({
    schema: "godwit/refuse/1",
    event: "error",
    code: "usage",
    message: "no such hub",
    exitCode: 8,
    try: "godwit hub",
  });
});

test("a summary is the last line, behind the error of a command that fails", async () => {
  const count = verb((command, { output }) => {
    command.argument("[how]").action((how?: string) => {
      output.summary({ counted: 2 }, "2 counted");
      output.result("counted", {}, "one");
      if (how === "badly") throw new UserError("one is missing");
      if (how === "wrongly") throw new TypeError("x is undefined");
    });
  });
  const events = async (...args: string[]) => {
    const { stdout } = await godwit(["count", ...args, "--json"], { count });
    return stdout.split("\n").map((line) => line && JSON.parse(line).event);
  };
  expect(await events()).toEqual(["counted", "summary", ""]);
  expect(await events("badly")).toEqual(["counted", "error", "summary", ""]);
  expect(await events("wrongly")).toEqual(["counted", "error", "summary", ""]);
  expect((await godwit(["count"], { count })).stdout).toBe("one\n2 counted\n");
});

test("our own bugs end with 70 and a stack, an interruption with 130", async () => {
  const bug = verb((command) => {
    command.action(() => {
      throw new TypeError("x is undefined");
    });
  });
  const abort = verb((command) => {
    command.action(async () => AbortSignal.abort().throwIfAborted());
  });
  const failed = await godwit(["bug"], { bug });
  expect(failed.exitCode).toBe(70);
  expect(failed.stderr).toMatch(/TypeError: x is undefined\n\s+at /);
  const stopped = await godwit(["abort"], { abort });
  expect(stopped.exitCode).toBe(130);
  expect(stopped.stderr).toBe("godwit: interrupted\n");
});

test("a group alone says what it could have been", async () => {
  const group = verb((command) => {
    command.command("build").action(() => {});
  });
  const { exitCode, stderr } = await godwit(["group"], { group });
  expect(exitCode).toBe(exitCodes.usage);
  expect(stderr).toBe("godwit: 'godwit group' needs one of: build\ntry: godwit group build\n");
});

test("help and version load no verb", async () => {
  const broken: Verb = {
    summary: "is not built",
    load: () => Promise.reject(new Error("must not be loaded")),
  };
  expect((await godwit(["--help"], { broken })).stdout).toContain("is not built");
  expect((await godwit([], { broken })).exitCode).toBe(0);
  expect((await godwit(["--version"], { broken })).stdout).toBe("9.9.9\n");
  expect((await godwit(["greet"], { broken })).exitCode).toBe(0);
  expect((await godwit(["help", "greet"], { broken })).stdout).toContain("--loud");
});
