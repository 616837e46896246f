// `godwit hub enroll`: DPS enrollments, and keys derived from a group's for single devices.
import { readFileSync } from "node:fs";
import type { Command } from "commander";
import { deriveDeviceKey } from "../../../firmware/connection/sas.ts";
import { nodeDigest } from "../../hub/core/sas.ts";
import { UserError } from "../../user-error.ts";
import type { Context } from "../command.ts";
import { dataDirOf, type Service, withService } from "./service.ts";

export interface EnrollOptions {
  readonly group?: string;
  readonly id?: string;
  readonly cert?: string;
  readonly device?: string;
}

interface Attestation {
  readonly type: string;
  readonly symmetricKey?: { readonly primaryKey: string };
}

function readCertificate(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw new UserError(`the certificate cannot be read: ${path}`, {
      code: "cert-file",
      hint: "check the path; paths are relative to the current folder",
      cause,
    });
  }
}

function attestation(options: EnrollOptions): object {
  if (options.cert === undefined) return { type: "symmetricKey" };
  const primary = { certificate: readCertificate(options.cert) };
  const slot = options.group === undefined ? "clientCertificates" : "signingCertificates";
  return { type: "x509", x509: { [slot]: { primary } } };
}

/** Creates an enrollment unless it exists; a second run shows the same key again. */
async function enroll({ client, idScope, deviceHost }: Service, options: EnrollOptions) {
  const isGroup = options.group !== undefined;
  const name = options.group ?? options.id ?? "";
  const path = `/${isGroup ? "enrollmentGroups" : "enrollments"}/${encodeURIComponent(name)}`;
  const field = isGroup ? "enrollmentGroupId" : "registrationId";
  const known = await client.call("GET", path).catch((error: unknown) => {
    if (error instanceof UserError && error.code === "DeviceNotFound") return undefined;
    throw error;
  });
  if (known === undefined)
    await client.call("PUT", path, { body: { [field]: name, attestation: attestation(options) } });
  const mechanism = (await client.call("POST", `${path}/attestationmechanism`)) as Attestation;
  const key = mechanism.symmetricKey?.primaryKey;
  return { created: known === undefined, idScope, host: deviceHost, [field]: name, key };
}

async function run(context: Context, dataDir: string, options: EnrollOptions): Promise<void> {
  if ((options.group === undefined) === (options.id === undefined))
    throw new UserError("say either --group <name> or --id <registration id>", {
      hint: "godwit hub enroll --group my-devices",
    });
  const made = await withService(dataDir, (service) => enroll(service, options));
  const { key, idScope } = made;
  const deviceKey =
    options.device !== undefined && options.group !== undefined && key !== undefined
      ? deriveDeviceKey(nodeDigest, key, options.device)
      : undefined;
  const derived = deviceKey === undefined ? {} : { registrationId: options.device, deviceKey };
  const lines = [`id scope    ${idScope}`, `host        ${made.host}`];
  if (key !== undefined)
    lines.push(`${options.group === undefined ? "key  " : "group key"}   ${key}`);
  if (deviceKey !== undefined) lines.push(`device key  ${deviceKey} (for ${options.device})`);
  context.output.result("enrollment", { ...made, ...derived }, lines.join("\n"));
}

/** Adds the verb `enroll`. */
export function registerEnroll(hub: Command, context: Context): void {
  hub
    .command("enroll")
    .description("create a DPS enrollment and print id scope and key")
    .option("--group <name>", "a group, whose key gives every device its own")
    .option("--id <registration>", "a single device")
    .option("--cert <file>", "with this certificate (PEM) in place of a key")
    .option("--device <registration>", "also print the key of this device of the group")
    .action((options: EnrollOptions, command: Command) =>
      run(context, dataDirOf(command, context), options),
    );
}
