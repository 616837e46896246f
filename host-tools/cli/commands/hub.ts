// `godwit hub`: a local IoT Hub and its administration.
import type { Command } from "commander";
import { defaultDataDir } from "../../hub/data-dir.ts";
import { defaultHttpsPort, defaultMqttsPort } from "../../hub/ports.ts";
import type { Context } from "../command.ts";
import { registerDevice } from "../hub/device.ts";
import { registerDeviceCalls } from "../hub/device-calls.ts";
import { registerEnroll } from "../hub/enroll.ts";
import { registerFault } from "../hub/fault.ts";
import { port, showSharedOptions } from "../hub/options.ts";
import type { ServeOptions } from "../hub/serve.ts";
import { dataDirOf } from "../hub/service.ts";
import { registerTail } from "../hub/tail.ts";

/** Adds the verb. */
export function register(command: Command, context: Context): void {
  showSharedOptions(command);
  command
    .option(
      "--port <port>",
      "MQTT over TLS; 0 takes any free port",
      port("--port"),
      defaultMqttsPort,
    )
    .option(
      "--https <port>",
      "service API; 0 takes any free port",
      port("--https"),
      defaultHttpsPort,
    )
    .option("--data <dir>", `state and keys (default: ${defaultDataDir}, or GODWIT_HUB_DATA)`)
    .option("--host <name>", "name that devices use", "localhost")
    .option("--listen <address>", "0.0.0.0 lets boards in the network connect", "127.0.0.1")
    .option("--throttle", "enforce the throttles and quotas of an S1 hub")
    .option("--new-ca", "put the CA aside and make a new one; devices need its ca.pem then")
    .action(async (options: ServeOptions) => {
      const { serve } = await import("../hub/serve.ts");
      await serve(context, dataDirOf(command, context), options);
    });
  registerDevice(command, context);
  registerEnroll(command, context);
  registerDeviceCalls(command, context);
  registerFault(command, context);
  registerTail(command, context);
}
