// `godwit hub send|method|twin|query`: what a back end says to devices.
import type { Command } from "commander";
import type { Context } from "../command.ts";
import { printable } from "../output.ts";
import { json, jsonObject, keyValue, number } from "./options.ts";
import { dataDirOf, runningClient, withService } from "./service.ts";

interface SendOptions {
  readonly property?: Readonly<Record<string, string>>;
  readonly ack?: string;
  readonly contentType?: string;
}

async function send(context: Context, dataDir: string, id: string, text: string, o: SendOptions) {
  const headers: Record<string, string> = { "content-type": o.contentType ?? "text/plain" };
  if (o.ack !== undefined) headers["iothub-ack"] = o.ack;
  for (const [name, value] of Object.entries(o.property ?? {}))
    headers[`iothub-app-${name}`] = encodeURIComponent(value);
  const path = `/devices/${encodeURIComponent(id)}/messages/deviceBound`;
  const body = new TextEncoder().encode(text);
  const sent = await withService(dataDir, ({ client }) =>
    client.call("POST", path, { headers, body }),
  );
  const { messageId } = sent as { messageId: string };
  context.output.result("sent", { deviceId: id, messageId }, `queued for ${id} as ${messageId}`);
}

interface MethodOptions {
  readonly timeout: number;
  readonly connectTimeout: number;
}

async function method(
  context: Context,
  dataDir: string,
  [id, methodName, payload]: readonly [string, string, string | undefined],
  options: MethodOptions,
): Promise<void> {
  const client = await runningClient(dataDir);
  const timeouts = {
    responseTimeoutInSeconds: options.timeout,
    connectTimeoutInSeconds: options.connectTimeout,
  };
  const body = {
    methodName,
    ...(payload !== undefined && { payload: json("the payload", payload) }),
    ...timeouts,
  };
  const path = `/twins/${encodeURIComponent(id)}/methods`;
  // The hub itself waits for the device; it answers later than the device may.
  const timeoutMs = (options.timeout + options.connectTimeout + 10) * 1000;
  const answer = (await client.call("POST", path, { body, timeoutMs })) as {
    status: number;
    payload: unknown;
  };
  const shown = `${answer.status} ${printable(JSON.stringify(answer.payload))}`;
  context.output.result("method", { deviceId: id, methodName, ...answer }, shown);
}

interface TwinOptions {
  readonly desired?: string;
  readonly tags?: string;
  readonly replace?: boolean;
}

async function twin(context: Context, dataDir: string, id: string, o: TwinOptions): Promise<void> {
  const path = `/twins/${encodeURIComponent(id)}`;
  const desired = o.desired === undefined ? undefined : jsonObject("--desired", o.desired);
  const tags = o.tags === undefined ? undefined : jsonObject("--tags", o.tags);
  const body = { ...(tags && { tags }), ...(desired && { properties: { desired } }) };
  const verb = tags || desired ? (o.replace ? "PUT" : "PATCH") : "GET";
  const found = (await withService(dataDir, ({ client }) =>
    client.call(verb, path, verb === "GET" ? {} : { body, headers: { "if-match": '"*"' } }),
  )) as Record<string, unknown>;
  context.output.result("twin", { twin: found }, printable(JSON.stringify(found, null, 2)));
}

async function query(context: Context, dataDir: string, text: string): Promise<void> {
  const rows = (await withService(dataDir, ({ client }) =>
    client.call("POST", "/devices/query", {
      body: { query: text },
      headers: { "x-ms-max-item-count": "1000" },
    }),
  )) as object[];
  for (const row of rows) context.output.result("row", { row }, printable(JSON.stringify(row)));
}

function registerTwin(hub: Command, context: Context): void {
  hub
    .command("twin <id>")
    .description("show a twin, or change its desired properties and tags")
    .option("--desired <json>", "merge into the desired properties; null deletes")
    .option("--tags <json>", "merge into the tags")
    .option("--replace", "replace instead of merge")
    .action((id: string, options: TwinOptions, command: Command) =>
      twin(context, dataDirOf(command, context), id, options),
    );
  hub
    .command("query <text>")
    .description('find twins, for example "SELECT * FROM devices WHERE tags.floor = 2"')
    .action((text: string, _options, command: Command) =>
      query(context, dataDirOf(command, context), text),
    );
}

/** Adds the verbs `send`, `method`, `twin` and `query`. */
export function registerDeviceCalls(hub: Command, context: Context): void {
  hub
    .command("send <id> <text>")
    .description("queue a cloud-to-device message")
    .option("--property <key=value>", "application property; may be repeated", keyValue)
    .option("--ack <mode>", "feedback: none, positive, negative or full")
    .option("--content-type <type>", "content type of the text")
    .action((id: string, text: string, options: SendOptions, command: Command) =>
      send(context, dataDirOf(command, context), id, text, options),
    );
  hub
    .command("method <id> <name> [payload]")
    .description("call a direct method of a device; the payload is JSON")
    .option("--timeout <s>", "how long the device may take", number("--timeout", 5, 300), 30)
    .option(
      "--connect-timeout <s>",
      "how long to wait for it to come online",
      number("--connect-timeout", 0, 300),
      0,
    )
    .action((id: string, name: string, payload: string | undefined, o: MethodOptions, c: Command) =>
      method(context, dataDirOf(c, context), [id, name, payload], o),
    );
  registerTwin(hub, context);
}
