// `godwit sim` in real time: hub, boards in worker threads, terminal view or NDJSON, a summary at the end.
import { basename } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { compileApp } from "../../engine/app.ts";
import { Fleet } from "../../sim/fleet.ts";
import { FleetHub } from "../../sim/fleet-hub.ts";
import type { StorageEntries } from "../../sim/provision.ts";
import { exitCodes, UserError } from "../../user-error.ts";
import type { Context } from "../command.ts";
import { type Output, printable } from "../output.ts";
import { engineWithProgress } from "./engine-progress.ts";
import { fleetActions } from "./fleet-actions.ts";
import { type FleetHubAccess, openHub } from "./hub-for-fleet.ts";
import type { SimOptions } from "./options.ts";
import { startTour } from "./tour.ts";

/** Runs the fleet until interrupted or the time is over. */
export async function simulateReally(
  context: Context,
  appDir: string,
  options: SimOptions,
): Promise<void> {
  const interrupted = context.interrupted();
  const engine = await engineWithProgress(context.output);
  const app = await compileApp(engine, appDir);
  const access = await openHub(options, context);
  const name = basename(appDir);
  try {
    const boards = new Map<string, StorageEntries>();
    for (let i = 1; i <= options.boards; i++)
      boards.set(`${name}-${i}`, await access.credentials(`${name}-${i}`));
    const title = `${name} × ${options.boards}`;
    const fleet = new Fleet({
      engine,
      app,
      title,
      hubName: access.name,
      roots: access.ca,
      boards,
      onEvent: (event) => emit(context.output, event),
    });
    let hub: FleetHub;
    try {
      hub = await runFleet(context, fleet, access, options, interrupted);
    } finally {
      await fleet.close();
    }
    // Last of all: what boards still say while they are ended comes before it.
    report(context.output, fleet, hub);
  } finally {
    await access.close();
  }
}

async function runFleet(
  context: Context,
  fleet: Fleet,
  access: FleetHubAccess,
  options: SimOptions,
  interrupted: AbortSignal,
): Promise<FleetHub> {
  const { output } = context;
  const hub = new FleetHub({
    client: access.client,
    fleet,
    onEvent: (event) => emit(output, event),
  });
  await hub.watch();
  fleet.start();
  const limits = options.seconds === undefined ? [] : [AbortSignal.timeout(options.seconds * 1000)];
  const end = AbortSignal.any([interrupted, ...limits]);
  if (options.demo) startTour(fleet, hub, end);
  const isLive = !output.json && process.stdout.isTTY === true && process.stdin.isTTY === true;
  const ticking = setInterval(() => fleet.touch(), 250);
  try {
    if (isLive) await live(fleet, hub, options, end);
    else await plain(context, fleet, end);
  } finally {
    clearInterval(ticking);
    await hub.close();
  }
  return hub;
}

async function live(
  fleet: Fleet,
  hub: FleetHub,
  options: SimOptions,
  end: AbortSignal,
): Promise<void> {
  const { showFleet } = await import("../view/fleet-screen.ts");
  await showFleet(fleet.view, fleetActions(fleet, hub, options.method), end);
}

/** Without a terminal: log lines on stderr, until the end. */
async function plain(context: Context, fleet: Fleet, end: AbortSignal): Promise<void> {
  let shown = 0;
  while (!end.aborted) {
    await delay(200, undefined, { signal: end }).catch(() => undefined);
    if (context.output.json) continue;
    for (const line of fleet.view.log.splice(0)) {
      context.output.note(printable(`${line.source}: ${line.text}`));
      shown++;
    }
  }
  if (shown === 0 && !context.output.json) context.output.note("nothing happened");
}

function emit(output: Output, event: { readonly event: string }): void {
  const { event: name, ...fields } = event;
  output.result(name, fields, "");
}

function report(output: Output, fleet: Fleet, hub: FleetHub): void {
  const { view } = fleet;
  const sum = (pick: (board: (typeof view.boards)[number]) => number) =>
    view.boards.reduce((total, board) => total + pick(board), 0);
  const summary = {
    boards: view.boards.length,
    connected: hub.connected.size,
    d2cAcked: sum((board) => board.messages),
    d2cBytes: sum((board) => board.bytes),
    twinPatches: view.twinPatches,
    methods: view.methods,
    errors: view.errors,
  };
  output.summary(
    summary,
    `${summary.connected} of ${summary.boards} boards connected, ${summary.d2cAcked} messages ` +
      `(${summary.d2cBytes} bytes), ${summary.twinPatches} twin changes, ${summary.methods} methods, ` +
      `${summary.errors} errors`,
  );
  const silent = view.boards.filter(
    (board) => board.messages === 0 || !hub.connected.has(board.id),
  );
  if (silent.length === 0) return;
  throw new UserError(
    `no telemetry from ${silent.map((board) => (board.failure ? `${board.id} (${board.failure})` : board.id)).join(", ")}`,
    {
      code: "not-connected",
      exitCode: exitCodes.failed,
      hint: output.json
        ? "run again without --json and read the log, or: godwit doctor"
        : "read the log above, or: godwit doctor",
    },
  );
}
