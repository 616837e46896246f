// `godwit hub device add|list|remove`: identities and what a device needs to connect.
import { join } from "node:path";
import type { Command } from "commander";
import { deviceConnectionString, x509ConnectionString } from "../../hub/connection-string.ts";
import { hubPaths } from "../../hub/data-dir.ts";
import { ensurePrivateFolder, replaceFile } from "../../hub/pki/key-files.ts";
import type { Context } from "../command.ts";
import { dataDirOf, type Service, withService } from "./service.ts";

interface DeviceJson {
  readonly deviceId: string;
  readonly status: string;
  readonly connectionState: string;
  readonly authentication: {
    readonly type: string;
    readonly symmetricKey: { readonly primaryKey: string | null };
  };
}

const pathOf = (id: string) => `/devices/${encodeURIComponent(id)}`;

interface Added {
  readonly connectionString: string;
  readonly certFile?: string;
  readonly keyFile?: string;
}

async function addWithKey({ client, deviceHost }: Service, deviceId: string): Promise<Added> {
  const authentication = { type: "sas" };
  const body = { deviceId, authentication };
  const made = (await client.call("PUT", pathOf(deviceId), { body })) as DeviceJson;
  const key = made.authentication.symmetricKey.primaryKey ?? "";
  return { connectionString: deviceConnectionString(deviceHost, deviceId, key) };
}

async function addWithCertificate(
  { client, dataDir, deviceHost }: Service,
  deviceId: string,
): Promise<Added> {
  const paths = hubPaths(dataDir);
  const { openAuthority } = await import("../../hub/pki/authority.ts");
  const authority = await openAuthority(paths.pki);
  const made = await authority.issueDevice(deviceId);
  const x509Thumbprint = { primaryThumbprint: made.thumbprintSha256 };
  const body = { deviceId, authentication: { type: "selfSigned", x509Thumbprint } };
  await client.call("PUT", pathOf(deviceId), { body });
  ensurePrivateFolder(paths.devices);
  const base = join(paths.devices, encodeURIComponent(deviceId).replaceAll("*", "%2A"));
  const [certFile, keyFile] = [`${base}.pem`, `${base}-key.pem`];
  replaceFile(certFile, made.certificatePem, false);
  replaceFile(keyFile, made.keyPem, true);
  return { connectionString: x509ConnectionString(deviceHost, deviceId), certFile, keyFile };
}

async function add(context: Context, dataDir: string, id: string, x509: boolean): Promise<void> {
  const made = await withService(dataDir, (service) =>
    x509 ? addWithCertificate(service, id) : addWithKey(service, id),
  );
  const files = made.certFile ? [`certificate ${made.certFile}`, `key ${made.keyFile}`] : [];
  context.output.result(
    "device",
    { deviceId: id, ...made },
    [made.connectionString, ...files].join("\n"),
  );
}

async function list(context: Context, dataDir: string): Promise<void> {
  const { output } = context;
  const path = "/devices";
  const devices = (await withService(dataDir, ({ client }) =>
    client.call("GET", path),
  )) as DeviceJson[];
  for (const { deviceId, status, connectionState, authentication } of devices)
    output.result(
      "device",
      { deviceId, status, connectionState, authentication: authentication.type },
      `${deviceId.padEnd(32)} ${status.padEnd(8)} ${connectionState.padEnd(12)} ${authentication.type}`,
    );
  output.summary({ devices: devices.length }, "");
  if (devices.length === 0) output.note("no devices yet; try: godwit hub device add my-device");
}

async function remove(context: Context, dataDir: string, id: string): Promise<void> {
  const headers = { "if-match": '"*"' };
  await withService(dataDir, ({ client }) => client.call("DELETE", pathOf(id), { headers }));
  context.output.result("removed", { deviceId: id }, `removed ${id}`);
}

/** Adds the group `device`. */
export function registerDevice(hub: Command, context: Context): void {
  const group = hub.command("device").description("identities in the hub's registry");
  group
    .command("add <id>")
    .description("create a device and print its connection string")
    .option("--x509", "with a certificate of the hub's CA in place of a key")
    .action((id: string, options: { x509?: boolean }, command: Command) =>
      add(context, dataDirOf(command, context), id, options.x509 ?? false),
    );
  group
    .command("list")
    .description("show all devices")
    .action((_options, command: Command) => list(context, dataDirOf(command, context)));
  group
    .command("remove <id>")
    .description("delete a device, its twin and its messages")
    .action((id: string, _options, command: Command) =>
      remove(context, dataDirOf(command, context), id),
    );
}
