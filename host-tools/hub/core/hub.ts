// The local IoT Hub: composes the parts of the core. No socket, no file, no clock of its own.
import { DPS_RETRY_AFTER_DEFAULT_S } from "../../../firmware/connection/service-limits.ts";
import { Authenticator } from "./authenticator.ts";
import { Authorities } from "./authorities.ts";
import { CloudToDevice } from "./cloud-to-device.ts";
import type { HubContext } from "./context.ts";
import { Enrollments } from "./enrollments.ts";
import { EventStream } from "./event-stream.ts";
import { Faults } from "./faults.ts";
import { Journal } from "./journal.ts";
import { HubLog } from "./log.ts";
import { MemoryStore } from "./memory-store.ts";
import { Methods } from "./methods.ts";
import type { HubOptions } from "./options.ts";
import { Policies } from "./policies.ts";
import { Provisioning } from "./provisioning.ts";
import { Registry } from "./registry.ts";
import { Sessions } from "./sessions.ts";
import { Throttles } from "./throttles.ts";
import { Twins } from "./twins.ts";

const PARTITIONS = 4;
const EVENTS_MAX = 10_000;
const EVENT_BYTES_MAX = 64 * 1024 * 1024;

export class Hub {
  readonly hostName: string;
  /** What DPS asks devices to wait between two questions. */
  readonly dpsRetryAfterS: number;
  readonly context: HubContext;
  readonly registry: Registry;
  readonly twins: Twins;
  readonly methods: Methods;
  readonly cloudToDevice: CloudToDevice;
  readonly sessions: Sessions;
  readonly events: EventStream;
  readonly enrollments: Enrollments;
  readonly provisioning: Provisioning;
  readonly policies: Policies;
  readonly authorities: Authorities;
  readonly authenticator: Authenticator;
  readonly faults: Faults;
  readonly throttles: Throttles;
  readonly log: HubLog;
  readonly #journal: Journal;

  /** @throws HubError 500001 if the store cannot be read. */
  constructor(options: HubOptions) {
    const { environment } = options;
    this.hostName = options.hostName;
    this.dpsRetryAfterS = options.dpsRetryAfterS ?? DPS_RETRY_AFTER_DEFAULT_S;
    this.faults = new Faults(() => environment.nowMs());
    const nowMs = (): number => environment.nowMs() + this.faults.skewMs;
    this.#journal = new Journal(options.store ?? new MemoryStore());
    this.log = new HubLog(nowMs);
    this.events = new EventStream({
      nowMs,
      journal: this.#journal,
      partitions: PARTITIONS,
      eventsMax: options.eventsMax ?? EVENTS_MAX,
      eventBytesMax: options.eventBytesMax ?? EVENT_BYTES_MAX,
      onListenerError: (error) =>
        this.log.write("error", `a subscriber of the event stream threw: ${error.message}`),
    });
    this.throttles = new Throttles({
      nowMs: () => environment.nowMs(),
      tier: options.tier ?? "S1",
      units: options.units ?? 1,
      enforce: options.enforceThrottles ?? false,
    });
    this.context = {
      environment,
      nowMs,
      names: namesOf(options),
      journal: this.#journal,
      events: this.events,
      log: this.log,
      throttles: this.throttles,
    };
    this.registry = new Registry(this.context);
    this.policies = new Policies(this.context);
    this.authorities = new Authorities(this.context);
    this.authenticator = new Authenticator(this.context, this);
    this.sessions = new Sessions(this.context, this.registry);
    this.twins = new Twins(this.context, this.registry, (key, patch, version) => {
      const session = this.sessions.findByKey(key);
      if (session?.qosOf("desired") !== undefined) session.link.sendDesired(patch, version);
    });
    this.methods = new Methods(this.context, this.registry, this.sessions);
    this.cloudToDevice = new CloudToDevice(this.context, this.registry, this.sessions);
    this.enrollments = new Enrollments(this.context);
    this.provisioning = new Provisioning(this.context, {
      enrollments: this.enrollments,
      registry: this.registry,
      twins: this.twins,
      assignedHub: () =>
        (typeof options.assignedHub === "function" ? options.assignedHub() : options.assignedHub) ??
        options.hostName,
      assigningPolls: options.assigningPolls ?? 0,
    });
    this.faults.bind(this.sessions, {
      onFailOver: () => this.cloudToDevice.loseAll(),
      onSkew: () => this.sessions.refreshExpiries(),
    });
  }

  /**
   * Makes everything that happened so far durable and shows it to subscribers. Adapters call it before
   * they acknowledge anything to a device.
   * @throws HubError 500001.
   */
  commit(): void {
    this.events.commit();
  }

  /** Commits and closes the store. Connections are the adapters' to close. */
  close(): void {
    this.commit();
    this.#journal.close();
  }
}

function namesOf(options: HubOptions): string[] {
  const names = [options.hostName, ...(options.aliases ?? [])];
  return [...new Set(names.map((name) => name.toLowerCase().replace(/:\d{1,5}$/, "")))];
}
