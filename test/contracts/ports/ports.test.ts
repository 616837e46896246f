/** One suite for the ports: against the simulation's Node platform, and against the XS platform on the real engine. */
import { describe, expect, it } from "vitest";
import { NodePlatform } from "../../../host-tools/sim/node-platform.ts";
import { World } from "../../../host-tools/sim/world.ts";
import { bootApp } from "../../support/xs-app-board.ts";
import { checks, runChecks } from "./app/suite.ts";
import { startServers } from "./servers.ts";

const LONGEST_CHECK_MS = 90_000;

/** Every check's name with its failure; a check that hangs is missing. */
type Verdicts = Record<string, string | undefined>;

function verdictsOfNode(): Verdicts {
  const world = new World({ seed: 1 });
  startServers(world);
  const verdicts: Verdicts = {};
  runChecks(new NodePlatform(world, { name: "node" }), (name, failure) => {
    verdicts[name] = failure ?? "pass";
  });
  world.clock.runFor(LONGEST_CHECK_MS);
  return verdicts;
}

async function verdictsOfXs(): Promise<Verdicts> {
  const world = new World({ seed: 1 });
  startServers(world);
  const logs: string[] = [];
  const onLog = (_level: string, text: string) => logs.push(text);
  const { board } = await bootApp(
    new URL("./app", import.meta.url).pathname,
    new NodePlatform(world, { name: "xs", onLog }),
  );
  world.clock.runFor(LONGEST_CHECK_MS);
  expect(board.status).toEqual({ state: "running" });
  const verdicts: Verdicts = {};
  for (const line of logs) {
    const [, isPass, name, failure] =
      /(?:(PASS)|FAIL) ([^:]+: [^:\n]+)(?:: (.*))?/.exec(line) ?? [];
    if (name) verdicts[name] = isPass ? "pass" : failure;
  }
  return verdicts;
}

const allPass = Object.fromEntries(checks.map(({ name }) => [name, "pass"]));

describe("ports", () => {
  it("hold in Node, in virtual time", () => {
    expect(verdictsOfNode()).toEqual(allPass);
  });

  it("hold on XS, in virtual time", async () => {
    expect(await verdictsOfXs()).toEqual(allPass);
  });
});
