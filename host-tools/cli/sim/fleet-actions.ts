// What the keys of the live screen do to a fleet and its hub; what fails is logged and harms nothing.
import type { BoardView, FleetView } from "../../sim/fleet-view.ts";
import type { FleetActions } from "../view/fleet-screen.ts";

/** What the keys need of a fleet. */
export interface ActedFleet {
  readonly view: FleetView;
  board(id: string): BoardView | undefined;
  setNetwork(id: string, isCut: boolean): void;
  setPower(id: string, isOn: boolean): void;
  log(source: string, level: "warn", text: string): void;
}

/** What the keys need of its hub. */
export interface ActedHub {
  setDesired(id: string, desired: Readonly<Record<string, unknown>>): Promise<void>;
  invoke(id: string, methodName: string, payload: unknown): Promise<void>;
  send(id: string, text: string): Promise<void>;
}

interface Target {
  readonly name: string;
  readonly value: number;
}

/** The first writable number of a board (reported as `{value, ac, av}`, Plug and Play), as it was last wished. */
function targetOf(board: BoardView | undefined): Target | undefined {
  const desired = (board?.desired ?? {}) as Record<string, unknown>;
  for (const [name, entry] of Object.entries(board?.reported ?? {})) {
    const { value, ac } = (entry ?? {}) as { value?: unknown; ac?: unknown };
    const wish = desired[name];
    if (typeof value === "number" && ac !== undefined)
      return { name, value: typeof wish === "number" ? wish : value };
  }
  return undefined;
}

/** Binds keys to a fleet; `method` is the direct method that a key calls. */
export function fleetActions(fleet: ActedFleet, hub: ActedHub, method: string): FleetActions {
  /** Steps that the twin does not show yet: the next one goes on from there. */
  const pending = new Map<string, Target>();
  /** One change at a time, so that they arrive in the order of the keys. */
  let changes: Promise<void> = Promise.resolve();
  const attempt = (action: Promise<void>) =>
    action.catch((error: Error) => fleet.log("hub", "warn", error.message));

  const changeTarget = (id: string, step: number) => {
    const target = pending.get(id) ?? targetOf(fleet.board(id));
    if (!target) return fleet.log("hub", "warn", `${id} reports no writable number`);
    const next = { name: target.name, value: target.value + step };
    pending.set(id, next);
    changes = changes
      .then(() => attempt(hub.setDesired(id, { [next.name]: next.value })))
      .then(() => {
        if (pending.get(id) === next) pending.delete(id);
      });
  };
  return {
    changeTarget,
    callMethod: (id) => void attempt(hub.invoke(id, method, null)),
    sendMessage: (id) => void attempt(hub.send(id, `hello ${id}`)),
    toggleNetwork: (id) => fleet.setNetwork(id, !fleet.board(id)?.isCut),
    togglePower: (id) => fleet.setPower(id, fleet.board(id)?.power !== "on"),
  };
}
