/** The contract on XS: verdicts go to the log, one line each. */
import { createPlatform } from "godwit/platform/board";
import { runChecks } from "./suite.ts";

const platform = createPlatform();
runChecks(platform, (name, failure) => {
  platform.log("info", failure === undefined ? `PASS ${name}` : `FAIL ${name}: ${failure}`);
});
