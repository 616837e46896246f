// `godwit doctor`: is this machine ready, and if not, which command makes it so?
import type { Command } from "commander";
import { defaultHttpsPort, defaultMqttsPort } from "../../hub/ports.ts";
import { exitCodes, UserError } from "../../user-error.ts";
import type { Context } from "../command.ts";
import type { Check, CheckStatus } from "../doctor/check.ts";
import { checkDisk, checkMemory, checkModdable, checkPort } from "../doctor/machine-checks.ts";
import { checkEngine, checkNode, checkPackages, checkStore } from "../doctor/package-checks.ts";
import { checkSerial } from "../doctor/serial-checks.ts";
import type { StyleName } from "../output.ts";
import { packageRoot } from "../package-root.ts";

const colors: Readonly<Record<CheckStatus, StyleName>> = {
  ok: "green",
  warn: "yellow",
  fail: "red",
};

async function runChecks(context: Context): Promise<Check[]> {
  const root = packageRoot();
  return [
    checkNode(process.version),
    checkPackages(root),
    await checkEngine(root),
    await checkStore(),
    await checkDisk(context.cwd),
    checkMemory(),
    await checkPort(defaultMqttsPort, "MQTT over TLS", "--port"),
    await checkPort(defaultHttpsPort, "the HTTPS service API", "--https"),
    checkModdable(context.env),
    ...(await checkSerial()),
  ];
}

function show(check: Check, context: Context): void {
  const { output } = context;
  const status = output.style(colors[check.status], check.status.padEnd(4));
  const fix = check.fix ? `\n${" ".repeat(20)}try: ${check.fix}` : "";
  output.result("check", { ...check }, `${status} ${check.id.padEnd(14)} ${check.detail}${fix}`);
}

/** Adds the verb. */
export function register(command: Command, context: Context): void {
  command.action(async () => {
    const checks = await runChecks(context);
    for (const check of checks) show(check, context);
    const count = (status: CheckStatus) => checks.filter((check) => check.status === status).length;
    const [ok, warn, fail] = [count("ok"), count("warn"), count("fail")];
    context.output.summary({ ok, warn, fail }, `${ok} ok, ${warn} warn, ${fail} fail`);
    if (fail > 0)
      throw new UserError(`${fail} of ${checks.length} checks failed`, {
        code: "not-ready",
        exitCode: exitCodes.usage,
        hint: checks.find((check) => check.status === "fail")?.fix ?? "godwit doctor --json",
      });
  });
}
