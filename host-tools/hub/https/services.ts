// The parts of a hub that its HTTPS API speaks for.
import type { EnrollmentService } from "../core/enrollment.ts";
import type { HubLog } from "../core/log.ts";
import type {
  CloudToDeviceService,
  EventService,
  FaultService,
  MethodService,
  PolicyService,
  RegistryService,
  TwinService,
} from "../core/service.ts";

import type { Throttles } from "../core/throttles.ts";

export interface HubServices {
  readonly registry: RegistryService;
  readonly twins: TwinService;
  readonly methods: MethodService;
  readonly cloudToDevice: CloudToDeviceService;
  readonly events: EventService;
  readonly enrollments: EnrollmentService;
  readonly policies: PolicyService;
  readonly faults: FaultService;
  readonly throttles: Pick<Throttles, "demand">;
  readonly log: HubLog;
  /** Makes what happened durable and shows it; before anything is answered. */
  commit(): void;
}
