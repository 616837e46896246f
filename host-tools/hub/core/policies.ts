// Shared access policies and the check of service tokens (IoT Hub docs "Control access to IoT Hub").
import { type HubContext, isOwnHost } from "./context.ts";
import { randomKey } from "./environment.ts";
import { HubError } from "./hub-error.ts";
import { checkSas, readSas } from "./sas.ts";
import type { PolicyRight, PolicyService, SharedAccessPolicy } from "./service.ts";

/** The policies every new hub has. */
const BUILT_IN: readonly (readonly [name: string, rights: readonly PolicyRight[]])[] = [
  [
    "iothubowner",
    [
      ...(["RegistryRead", "RegistryWrite", "ServiceConnect", "DeviceConnect"] as const),
      ...(["EnrollmentRead", "EnrollmentWrite"] as const),
    ],
  ],
  ["service", ["ServiceConnect"]],
  ["device", ["DeviceConnect"]],
  ["registryRead", ["RegistryRead"]],
  ["registryReadWrite", ["RegistryRead", "RegistryWrite"]],
  // The provisioning service's own: in the cloud it is another service with other policies.
  ["provisioningserviceowner", ["EnrollmentRead", "EnrollmentWrite"]],
];

const SETTING = "policies";

export class Policies implements PolicyService {
  readonly #context: HubContext;
  readonly #policies = new Map<string, SharedAccessPolicy>();

  constructor(context: HubContext) {
    this.#context = context;
    const kept = new Map(context.journal.load<{ list: SharedAccessPolicy[] }>("setting"));
    for (const policy of kept.get(SETTING)?.list ?? this.#create()) {
      this.#policies.set(policy.name, policy);
    }
  }

  list(): readonly SharedAccessPolicy[] {
    return [...this.#policies.values()];
  }

  find(name: string): SharedAccessPolicy | undefined {
    return this.#policies.get(name);
  }

  connectionString(name: string, hostName: string): string {
    const policy = this.#policies.get(name);
    if (policy === undefined) throw new HubError(400004, `there is no policy "${name}"`);
    return `HostName=${hostName};SharedAccessKeyName=${name};SharedAccessKey=${policy.primaryKey}`;
  }

  authorize(token: string | undefined, right: PolicyRight): SharedAccessPolicy {
    if (token === undefined || token === "") {
      throw new HubError(401002, "the request carries no Authorization header");
    }
    const sas = readSas(token);
    if (!isOwnHost(this.#context.names, sas.resource)) {
      throw new HubError(
        401002,
        `the token is for "${sas.resource}", this hub is "${this.#context.names[0]}"`,
      );
    }
    const policy = this.#policies.get(sas.policy ?? "");
    if (policy === undefined) {
      throw new HubError(401002, `there is no policy "${sas.policy ?? ""}" (field skn)`);
    }
    checkSas(sas, {
      keys: [policy.primaryKey, policy.secondaryKey],
      nowMs: this.#context.nowMs(),
      owner: `policy "${policy.name}"`,
    });
    if (!policy.rights.includes(right)) {
      throw new HubError(401002, `policy "${policy.name}" has no right ${right}`);
    }
    return policy;
  }

  #create(): SharedAccessPolicy[] {
    const { environment, journal } = this.#context;
    const list = BUILT_IN.map(([name, rights]) => ({
      name,
      rights,
      primaryKey: randomKey(environment),
      secondaryKey: randomKey(environment),
    }));
    journal.put("setting", SETTING, { list });
    journal.commit();
    return list;
  }
}
