// Ctrl-C at each stage of a command that talks to a board: exit code 130, and what was done by then.
import { expect, test } from "vitest";
import { firmwareSet, godwit, served, setUpFlashCli } from "../support/flash-cli.ts";

setUpFlashCli();

test("Ctrl-C in the middle of a write says what is half written, in JSON too", async () => {
  const port = `--port ${served.url}`;
  await godwit("bench firmware fw");
  for (const json of ["", " --json"]) {
    served.board.flash.bytes.fill(0xff);
    const controller = new AbortController();
    const { flash } = served.board;
    const erase = flash.erase.bind(flash);
    flash.erase = (offset, size) => {
      if (offset >= 0x10000) controller.abort();
      return erase(offset, size);
    };
    const ended = await godwit(`flash ${port} ${firmwareSet}${json}`, controller.signal);
    flash.erase = erase;
    expect(ended.exitCode, ended.err).toBe(130);
    expect(ended.err).toMatch(/godwit: interrupted: app\.bin is half written \(0x10000 to/);
    expect(ended.err).toContain("try: run the same command again");
    if (json) expect(ended.events.at(-1)).toMatchObject({ event: "error", code: "interrupted" });
  }
  expect((await godwit(`flash ${port} ${firmwareSet}`)).exitCode).toBe(0);
});
