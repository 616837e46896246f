// Worker side of pool.test.ts: a board that is told to loop inside the engine, or to throw.
import { Board } from "../../../host-tools/engine/board.ts";
import type { BoardHost } from "../../../host-tools/engine/board-types.ts";
import type { CreateBoard } from "../../../host-tools/engine/board-worker.ts";
import { compileModules } from "../../../host-tools/engine/bytecode.ts";

const create: CreateBoard = ({ engine, beacon, description, send }) => {
  const source = String(description);
  const host: BoardHost = {
    now: () => 0,
    random: () => 0,
    log: (_level, text) => send(text),
    startTimer: () => undefined,
    stopTimer: () => undefined,
    call: () => undefined,
  };
  const modules = compileModules(engine, [{ specifier: "main", source }]);
  const board = Board.create(engine, { modules, host, beacon, turnCodesMax: 0 });
  const status = board.start("main");
  send(status.state === "aborted" ? status.reason : "started");
  return {
    receive: (message) => send(`echo ${message}`),
    stop: () => board.destroy(),
  };
};

export default create;
