// A hub on real loopback sockets with TLS from a throwaway CA, for other vendors' SDKs.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Hub } from "../../host-tools/hub/core/hub.ts";
import type { HubOptions } from "../../host-tools/hub/core/options.ts";
import { type Listener, listenMqtt } from "../../host-tools/hub/listen.ts";
import { nodeEnvironment } from "../../host-tools/hub/node-environment.ts";
import { type Authority, openAuthority } from "../../host-tools/hub/pki/authority.ts";

export interface LoopbackHub {
  hub: Hub;
  authority: Authority;
  listener: Listener;
  /** `localhost:{port}`: what SDKs take as HostName. */
  host: string;
  close(): Promise<void>;
}

export async function startLoopbackHub(
  options: Partial<Omit<HubOptions, "environment">> = {},
): Promise<LoopbackHub> {
  const folder = mkdtempSync(join(tmpdir(), "godwit-hub-"));
  const authority = await openAuthority(folder);
  const server = await authority.serverCertificate(["localhost"]);
  let host = "localhost";
  const hub = new Hub({
    hostName: host,
    ...options,
    environment: nodeEnvironment,
    assignedHub: () => host,
  });
  const tls = { key: server.keyPem, cert: server.certificatePem };
  const listener = await listenMqtt(hub, { ...tls, port: 0, host: "localhost" });
  host = `localhost:${listener.port}`;
  const close = async (): Promise<void> => {
    await listener.close();
    hub.close();
    rmSync(folder, { recursive: true });
  };
  return { hub, authority, listener, host, close };
}

/** Connection string of a device of the registry. */
export function deviceConnectionString({ hub, host }: LoopbackHub, deviceId: string): string {
  const { authentication } = hub.registry.get({ deviceId });
  const secret =
    authentication.type === "sas"
      ? `SharedAccessKey=${authentication.symmetricKey.primaryKey}`
      : "x509=true";
  return `HostName=${host};DeviceId=${deviceId};${secret}`;
}
