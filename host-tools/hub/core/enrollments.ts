// Enrollments and registrations of the provisioning service (DPS REST, api 2021-10-01).
import { checkEtag, type HubContext } from "./context.ts";
import type {
  Attestation,
  EnrollmentBase,
  EnrollmentGroup,
  EnrollmentService,
  EnrollmentSpec,
  IndividualEnrollment,
  Registration,
} from "./enrollment.ts";
import { randomHex, randomKey } from "./environment.ts";
import { HubError } from "./hub-error.ts";
import { readCertificate } from "./peer-certificate.ts";

const GROUPS_MAX = 200;
const REGISTRATION_ID = /^[A-Za-z0-9._:-]{0,127}[A-Za-z0-9-]$/;
const SETTING = "dps";

export class Enrollments implements EnrollmentService {
  readonly idScope: string;
  readonly #context: HubContext;
  readonly #individuals = new Map<string, IndividualEnrollment>();
  readonly #groups = new Map<string, EnrollmentGroup>();
  readonly #registrations = new Map<string, Registration>();

  constructor(context: HubContext) {
    this.#context = context;
    const { journal } = context;
    this.idScope = this.#loadIdScope();
    for (const [key, one] of journal.load<IndividualEnrollment>("enrollment")) {
      this.#individuals.set(key, one);
    }
    for (const [key, one] of journal.load<EnrollmentGroup>("enrollmentGroup")) {
      this.#groups.set(key, one);
    }
    for (const [key, one] of journal.load<Registration>("registration")) {
      this.#registrations.set(key, one);
    }
  }

  putIndividual(
    registrationId: string,
    spec: EnrollmentSpec & { deviceId?: string },
    etag?: string,
  ): IndividualEnrollment {
    const key = checkedId(registrationId);
    const current = this.#individuals.get(key);
    const base = this.#base(spec, current, etag);
    const deviceId = spec.deviceId ?? current?.deviceId ?? registrationId;
    const enrollment = { ...base, registrationId, deviceId };
    this.#individuals.set(key, enrollment);
    this.#save("enrollment", key, enrollment);
    return enrollment;
  }

  putGroup(groupId: string, spec: EnrollmentSpec, etag?: string): EnrollmentGroup {
    const key = checkedId(groupId);
    const current = this.#groups.get(key);
    if (current === undefined && this.#groups.size >= GROUPS_MAX) {
      throw new HubError(400004, `there are at most ${GROUPS_MAX} enrollment groups`);
    }
    if (spec.attestation.type === "x509" && spec.attestation.certificates === undefined) {
      throw new HubError(400004, "an X.509 group needs the certificate of its authority");
    }
    const group = { ...this.#base(spec, current, etag), groupId };
    this.#groups.set(key, group);
    this.#save("enrollmentGroup", key, group);
    return group;
  }

  individual(registrationId: string): IndividualEnrollment | undefined {
    return this.#individuals.get(registrationId.toLowerCase());
  }

  group(groupId: string): EnrollmentGroup | undefined {
    return this.#groups.get(groupId.toLowerCase());
  }

  individuals(): Iterable<IndividualEnrollment> {
    return this.#individuals.values();
  }

  groups(): Iterable<EnrollmentGroup> {
    return this.#groups.values();
  }

  removeIndividual(registrationId: string, etag?: string): void {
    const found = this.individual(registrationId);
    if (found === undefined) throw missing("enrollment", registrationId);
    checkEtag(etag, found.etag, `enrollment "${registrationId}"`);
    this.#individuals.delete(registrationId.toLowerCase());
    this.#context.journal.delete("enrollment", registrationId.toLowerCase());
    this.#context.journal.commit();
  }

  removeGroup(groupId: string, etag?: string): void {
    const found = this.group(groupId);
    if (found === undefined) throw missing("enrollment group", groupId);
    checkEtag(etag, found.etag, `enrollment group "${groupId}"`);
    this.#groups.delete(groupId.toLowerCase());
    this.#context.journal.delete("enrollmentGroup", groupId.toLowerCase());
    this.#context.journal.commit();
  }

  registration(registrationId: string): Registration | undefined {
    return this.#registrations.get(registrationId.toLowerCase());
  }

  removeRegistration(registrationId: string): void {
    this.#registrations.delete(registrationId.toLowerCase());
    this.#context.journal.delete("registration", registrationId.toLowerCase());
    this.#context.journal.commit();
  }

  keepRegistration(registration: Registration): void {
    const key = registration.registrationId.toLowerCase();
    this.#registrations.set(key, registration);
    this.#save("registration", key, registration);
  }

  newEtag(): string {
    return Buffer.from(randomHex(this.#context.environment, 6)).toString("base64");
  }

  #base(
    spec: EnrollmentSpec,
    current: EnrollmentBase | undefined,
    etag: string | undefined,
  ): EnrollmentBase {
    if (current !== undefined) checkEtag(etag, current.etag, "the enrollment");
    else if (etag !== undefined && etag !== "*") throw missing("enrollment", "with that etag");
    const nowMs = this.#context.nowMs();
    return {
      attestation: this.#attestation(spec.attestation, current?.attestation),
      enabled: spec.enabled ?? true,
      iotHubs: spec.iotHubs ?? [],
      allocationPolicy: spec.allocationPolicy ?? "hashed",
      reprovisionPolicy: spec.reprovisionPolicy ?? {
        updateHubAssignment: true,
        migrateDeviceData: true,
      },
      initialTwin: spec.initialTwin ?? {},
      iotEdge: spec.iotEdge ?? false,
      ...(spec.payload === undefined ? {} : { payload: spec.payload }),
      etag: this.newEtag(),
      createdMs: current?.createdMs ?? nowMs,
      updatedMs: nowMs,
    };
  }

  #attestation(spec: EnrollmentSpec["attestation"], current: Attestation | undefined): Attestation {
    if (spec.type === "symmetricKey") {
      const kept = current?.type === "symmetricKey" ? current.symmetricKey : undefined;
      const { environment } = this.#context;
      return {
        type: "symmetricKey",
        symmetricKey: {
          primaryKey: spec.symmetricKey?.primaryKey || kept?.primaryKey || randomKey(environment),
          secondaryKey:
            spec.symmetricKey?.secondaryKey || kept?.secondaryKey || randomKey(environment),
        },
      };
    }
    for (const pem of spec.certificates ?? []) readCertificate(pem);
    const thumbprints = (spec.thumbprints ?? []).map((text) =>
      text.replaceAll(":", "").toUpperCase(),
    );
    if (thumbprints.length === 0 && (spec.certificates ?? []).length === 0) {
      throw new HubError(400004, "an X.509 enrollment needs a certificate or its thumbprint");
    }
    return { type: "x509", thumbprints, certificates: spec.certificates ?? [] };
  }

  #save(kind: "enrollment" | "enrollmentGroup" | "registration", key: string, one: object): void {
    this.#context.journal.put(kind, key, one);
    this.#context.journal.commit();
  }

  #loadIdScope(): string {
    const { journal, environment } = this.#context;
    const kept = new Map(journal.load<{ idScope: string }>("setting")).get(SETTING);
    if (kept !== undefined) return kept.idScope;
    const idScope = `0ne${randomHex(environment, 4).toUpperCase()}`;
    journal.put("setting", SETTING, { idScope });
    journal.commit();
    return idScope;
  }
}

function checkedId(id: string): string {
  if (REGISTRATION_ID.test(id)) return id.toLowerCase();
  throw new HubError(
    400004,
    `"${id.slice(0, 140)}" is no registration id: 1 to 128 of letters, digits and - . _ :`,
  );
}

function missing(kind: string, name: string): HubError {
  return new HubError(404001, `there is no ${kind} "${name}"`);
}
