// `godwit hub`: runs a hub until Ctrl-C and tells how to use it.
import { resolve } from "node:path";
import type { HubLogEntry } from "../../hub/core/log.ts";
import { type RunningHub, startHub } from "../../hub/hub.ts";
import type { Context } from "../command.ts";
import { type Output, printable } from "../output.ts";

export interface ServeOptions {
  readonly port: number;
  readonly https: number;
  readonly host: string;
  readonly listen: string;
  readonly throttle?: boolean;
  readonly newCa?: boolean;
}

function greeting(hub: RunningHub, output: Output, dataDir: string): string {
  const bold = (text: string) => output.style("bold", text);
  const option = dataDir.endsWith(".godwit/hub") ? "" : ` --data ${dataDir}`;
  return [
    `${bold("IoT Hub")} ${hub.core.hostName} is running; Ctrl-C ends it`,
    "",
    `  MQTT over TLS   mqtts://${hub.deviceHost}`,
    `  service API     https://${hub.core.hostName}:${hub.httpsPort}`,
    `  DPS id scope    ${hub.idScope}`,
    `  CA              ${hub.caFile}`,
    `  owner           ${hub.ownerConnectionString}`,
    "",
    "Let Node clients trust it:",
    `  export NODE_EXTRA_CA_CERTS=${hub.caFile}`,
    "In another terminal:",
    `  godwit hub device add my-device${option}`,
    `  godwit hub tail${option}`,
  ].join("\n");
}

function showLog(entry: HubLogEntry, output: Output): void {
  const { timeMs, level, text, deviceId, code } = entry;
  if (output.json) {
    const time = new Date(timeMs).toISOString();
    output.result("log", { time, level, deviceId, code, text }, "");
    return;
  }
  if (level === "debug") return;
  const time = new Date(timeMs).toISOString().slice(11, 19);
  const about = deviceId === undefined ? "" : ` ${deviceId}`;
  output.note(printable(`${time} ${level.padEnd(5)}${about} ${text}`));
}

/** Runs a hub until the command is interrupted. */
export async function serve(
  context: Context,
  dataDir: string,
  options: ServeOptions,
): Promise<void> {
  const { output } = context;
  const interrupted = context.interrupted();
  const hub = await startHub({
    dataDir: resolve(dataDir),
    mqttsPort: options.port,
    httpsPort: options.https,
    hostName: options.host,
    listenAddress: options.listen,
    enforceThrottles: options.throttle ?? false,
    newCa: options.newCa ?? false,
  });
  hub.core.log.subscribe((entry) => showLog(entry, output));
  output.result(
    "ready",
    {
      hostName: hub.core.hostName,
      mqttsPort: hub.mqttsPort,
      httpsPort: hub.httpsPort,
      mqtts: `mqtts://${hub.deviceHost}`,
      https: `https://${hub.core.hostName}:${hub.httpsPort}`,
      idScope: hub.idScope,
      caFile: hub.caFile,
      dataDir,
      ownerConnectionString: hub.ownerConnectionString,
    },
    greeting(hub, output, dataDir),
  );
  if (!interrupted.aborted)
    await new Promise<void>((done) => interrupted.addEventListener("abort", () => done()));
  await hub.close();
  output.result("stopped", {}, "");
}
