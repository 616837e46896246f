// The demonstration: what a person would try first, done once, so that a screen or a log shows it at work.
import type { Fleet } from "../../sim/fleet.ts";
import type { FleetHub } from "../../sim/fleet-hub.ts";

interface Step {
  /** Seconds after the boards are connected. */
  readonly atS: number;
  run(fleet: Fleet, hub: FleetHub, ids: readonly string[]): Promise<void> | void;
}

const steps: readonly Step[] = [
  { atS: 2, run: (_fleet, hub, [id]) => hub.setDesired(id!, { targetTemperature: 23 }) },
  { atS: 3, run: (_fleet, hub, ids) => hub.setDesired(ids.at(-1)!, { telemetryIntervalS: 2 }) },
  { atS: 4, run: (_fleet, hub, [id]) => hub.invoke(id!, "getMaxMinReport", null) },
  { atS: 5, run: (_fleet, hub, ids) => hub.send(ids.at(-1)!, "hello from the cloud") },
  { atS: 6, run: (fleet, _hub, ids) => fleet.setNetwork(ids.at(-1)!, true) },
  { atS: 9, run: (fleet, _hub, ids) => fleet.setNetwork(ids.at(-1)!, false) },
];
const pollMs = 100;

/** Runs the steps until done or `signal` is aborted; a step that fails is logged and the tour goes on. */
export function startTour(fleet: Fleet, hub: FleetHub, signal: AbortSignal): void {
  const ids = fleet.view.boards.map((board) => board.id);
  const left = [...steps];
  let sinceMs: number | undefined;
  const timer = setInterval(() => {
    if (signal.aborted || left.length === 0) return clearInterval(timer);
    if (hub.connected.size < ids.length) return;
    sinceMs ??= performance.now();
    const elapsedS = (performance.now() - sinceMs) / 1000;
    while (left[0] && left[0].atS <= elapsedS) {
      const step = left.shift()!;
      Promise.resolve()
        .then(() => step.run(fleet, hub, ids))
        .catch((error: Error) => fleet.log("hub", "error", `tour: ${error.message}`));
    }
  }, pollMs);
  timer.unref();
}
