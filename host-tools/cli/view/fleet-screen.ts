// The live terminal view of `godwit sim`: boards, twin of the selected one, log, keys. Ink, without JSX.
import { Box, render, Text, useApp, useInput, useStdout } from "ink";
import { createElement as h, type ReactElement, useEffect, useRef, useState } from "react";
import type { BoardView, FleetView, LogLine } from "../../sim/fleet-view.ts";
import { printable } from "../output.ts";
import { bytesText, durationText, jsonText, sparkline } from "./chart.ts";

/** What a person can do to the fleet from the keyboard; `id` names the selected board. */
export interface FleetActions {
  changeTarget(id: string, step: number): void;
  callMethod(id: string): void;
  sendMessage(id: string): void;
  toggleNetwork(id: string): void;
  togglePower(id: string): void;
}

const refreshMs = 250;
const logRows = 9;
const keys: readonly [string, string][] = [
  ["↑↓", "board"],
  ["+ -", "target"],
  ["m", "method"],
  ["c", "message"],
  ["n", "cut network"],
  ["p", "pull plug"],
  ["q", "quit"],
];

function stateOf(board: BoardView): { text: string; color: string } {
  if (board.power === "off") return { text: "no power", color: "gray" };
  if (board.power === "ended") return { text: "ended", color: "red" };
  if (board.isCut) return { text: "cut off", color: "yellow" };
  return board.isConnected
    ? { text: "connected", color: "green" }
    : { text: "connecting", color: "yellow" };
}

function boardRow(board: BoardView, isSelected: boolean): ReactElement {
  const state = stateOf(board);
  const [name, value] = Object.entries(board.latest)[0] ?? ["", undefined];
  const reading = value === undefined ? "" : `${printable(name)} ${value.toFixed(2)}`;
  return h(
    Text,
    { key: board.id, bold: isSelected, wrap: "truncate" },
    `${isSelected ? "▸" : " "} ${board.id.padEnd(16)} `,
    h(Text, { color: state.color }, `● ${state.text.padEnd(11)}`),
    `${String(board.messages).padStart(6)} msgs ${bytesText(board.bytes).padStart(9)}`,
    `  heap ${bytesText(board.heapBytes).padStart(8)}  `,
    h(Text, { color: "cyan" }, sparkline(board.history, 16)),
    ` ${reading}`,
  );
}

function twinBox(board: BoardView | undefined, width: number): ReactElement {
  const line = (label: string, value: unknown) =>
    h(
      Text,
      { wrap: "truncate" },
      h(Text, { dimColor: true }, label),
      printable(jsonText(value, width - 14)),
    );
  return h(
    Box,
    { flexDirection: "column", marginTop: 1 },
    h(Text, { bold: true }, `twin of ${board?.id ?? "-"}`),
    line("  desired   ", board?.desired),
    line("  reported  ", board?.reported),
    board?.failure === undefined
      ? null
      : h(Text, { color: "red", wrap: "truncate" }, `  ended     ${printable(board.failure)}`),
  );
}

const levelColors: Partial<Record<LogLine["level"], string>> = { error: "red", warn: "yellow" };

function logRow(line: LogLine, index: number): ReactElement {
  const color = levelColors[line.level];
  return h(
    Text,
    { key: index, wrap: "truncate", ...(color && { color }) },
    h(Text, { dimColor: true }, `${durationText(line.atMs)} ${line.source.padEnd(16)} `),
    printable(line.text),
  );
}

interface ScreenProps {
  view: FleetView;
  actions: FleetActions;
}

function useRefresh(): void {
  const [, setTurn] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => setTurn((turn) => turn + 1), refreshMs);
    return () => clearInterval(timer);
  }, []);
}

/** One key of the keyboard, meant for a board. */
function press(key: string, id: string, actions: FleetActions): void {
  if (key === "+" || key === "=") actions.changeTarget(id, 1);
  if (key === "-") actions.changeTarget(id, -1);
  if (key === "m") actions.callMethod(id);
  if (key === "c") actions.sendMessage(id);
  if (key === "n") actions.toggleNetwork(id);
  if (key === "p") actions.togglePower(id);
}

function Screen({ view, actions }: ScreenProps): ReactElement {
  const { exit } = useApp();
  const { stdout } = useStdout();
  const [selected, setSelected] = useState(0);
  // Several keys may come before the next drawing: a key is meant for the board that the one before it chose.
  const chosen = useRef(0);
  useRefresh();
  const board = view.boards[selected];
  const choose = (index: number) => {
    chosen.current = Math.max(0, Math.min(view.boards.length - 1, index));
    setSelected(chosen.current);
  };
  useInput((input, key) => {
    if (key.ctrl && input === "c") return exit();
    if (key.upArrow) choose(chosen.current - 1);
    if (key.downArrow) choose(chosen.current + 1);
    if (key.ctrl || key.meta) return;
    // Fast or held keys arrive several at a time.
    for (const each of input) {
      if (each === "q") return exit();
      const target = view.boards[chosen.current];
      if (target) press(each, target.id, actions);
    }
  });
  const width = stdout.columns || 100;
  const rowsMax = Math.max(3, (stdout.rows || 30) - logRows - 10);
  const first = Math.max(0, Math.min(selected - rowsMax + 1, view.boards.length - rowsMax));
  const shown = view.boards.slice(first, first + rowsMax);
  return h(
    Box,
    { flexDirection: "column" },
    h(
      Text,
      { wrap: "truncate" },
      h(Text, { bold: true, color: "green" }, "godwit "),
      `${view.title}   hub ${view.hub}   ${durationText(view.elapsedMs)}   `,
      h(Text, { dimColor: true }, "simulated boards, real XS engine, real TLS"),
    ),
    h(
      Box,
      { flexDirection: "column", marginTop: 1 },
      ...shown.map((each, index) => boardRow(each, first + index === selected)),
    ),
    twinBox(board, width),
    h(
      Box,
      { flexDirection: "column", marginTop: 1, height: logRows },
      ...view.log.slice(-logRows).map(logRow),
    ),
    h(
      Text,
      { wrap: "truncate" },
      ...keys.flatMap(([key, text]) => [
        h(Text, { key, bold: true, inverse: true }, ` ${key} `),
        ` ${text}  `,
      ]),
    ),
  );
}

/** Another terminal than the process's. */
export interface ScreenStreams {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
}

/** Shows the fleet until the person quits or `signal` is aborted. */
export async function showFleet(
  view: FleetView,
  actions: FleetActions,
  signal: AbortSignal,
  streams?: ScreenStreams,
): Promise<void> {
  if (signal.aborted) return;
  const screen = render(h(Screen, { view, actions }), {
    exitOnCtrlC: false,
    // The process's console belongs to the process's terminal.
    patchConsole: streams === undefined,
    ...streams,
  });
  const stop = () => screen.unmount();
  signal.addEventListener("abort", stop, { once: true });
  await screen.waitUntilExit();
  signal.removeEventListener("abort", stop);
}
