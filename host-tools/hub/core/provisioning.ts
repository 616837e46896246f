// Device registration: attestation, allocation, reprovisioning (Azure DPS docs "Provisioning service concepts").
import { DPS_POLICY, deriveDeviceKey } from "../../../firmware/connection/sas.ts";
import { dpsResource } from "../../../firmware/connection/topics.ts";
import type { Credentials } from "./authenticator.ts";
import type { HubContext } from "./context.ts";
import type { EnrollmentBase, Registration } from "./enrollment.ts";
import type { Enrollments } from "./enrollments.ts";
import { randomHex, randomUuid } from "./environment.ts";
import { HubError } from "./hub-error.ts";
import type { IdentitySpec, SymmetricKeys } from "./identity.ts";
import type { JsonObject } from "./json.ts";
import type { PeerCertificate } from "./peer-certificate.ts";
import type { Registry } from "./registry.ts";
import { checkSas, nodeDigest, readSas } from "./sas.ts";
import type { Twins } from "./twins.ts";

/** A device that proved which enrollment it belongs to. */
export interface Attested {
  registrationId: string;
  deviceId: string;
  groupId: string | undefined;
  enrollment: EnrollmentBase;
  authentication: NonNullable<IdentitySpec["authentication"]>;
  expiresMs: number | undefined;
}

export interface ProvisioningParts {
  enrollments: Enrollments;
  registry: Registry;
  twins: Twins;
  assignedHub: () => string;
  /** How often a device is told "assigning" before it gets its result. */
  assigningPolls: number;
}

/** Results kept for devices that poll; overflow: dropOldest, such a device registers again. */
const OPERATIONS_MAX = 1000;

interface Operation {
  readonly registration: Registration;
  pollsLeft: number;
}

export class Provisioning {
  readonly #context: HubContext;
  readonly #parts: ProvisioningParts;
  readonly #operations = new Map<string, Operation>();

  constructor(context: HubContext, parts: ProvisioningParts) {
    this.#context = context;
    this.#parts = parts;
  }

  get idScope(): string {
    return this.#parts.enrollments.idScope;
  }

  /** @throws HubError 401002, 401003 with the explanation. */
  attest(registrationId: string, credentials: Credentials): Attested {
    return credentials.password
      ? this.#bySas(registrationId, credentials.password)
      : this.#byCertificate(registrationId, credentials.certificate);
  }

  /** Begins a registration and returns its operation id; `operation` tells how it went. */
  start(attested: Attested, payload: JsonObject | undefined): string {
    const registration = this.#register(attested, payload);
    const { environment } = this.#context;
    const operationId = `4.${randomHex(environment, 8)}.${randomUuid(environment)}`;
    const oldest = this.#operations.keys().next().value;
    if (this.#operations.size >= OPERATIONS_MAX && oldest !== undefined) {
      this.#operations.delete(oldest);
    }
    this.#operations.set(operationId, { registration, pollsLeft: this.#parts.assigningPolls });
    return operationId;
  }

  /** The result, or undefined while the service still assigns. @throws HubError 404001. */
  operation(registrationId: string, operationId: string): Registration | undefined {
    const operation = this.#operations.get(operationId);
    if (
      operation === undefined ||
      operation.registration.registrationId.toLowerCase() !== registrationId.toLowerCase()
    ) {
      throw new HubError(404001, `"${registrationId}" has no such operation`);
    }
    if (operation.pollsLeft > 0) {
      operation.pollsLeft -= 1;
      return undefined;
    }
    return operation.registration;
  }

  /** Creates or updates the device and tells where it lives. */
  #register(attested: Attested, payload: JsonObject | undefined): Registration {
    if (!attested.enrollment.enabled) return this.#result(attested, { status: "disabled" });
    const { registry, enrollments } = this.#parts;
    const { enrollment, registrationId, deviceId } = attested;
    const known = enrollments.registration(registrationId);
    const isThere = registry.find({ deviceId }) !== undefined;
    const { authentication } = attested;
    const spec = { deviceId, authentication, iotEdge: enrollment.iotEdge };
    let substatus: Registration["substatus"] = known?.substatus ?? "initialAssignment";
    if (!isThere) {
      registry.create(spec);
      this.#parts.twins.patch({ deviceId }, enrollment.initialTwin);
      substatus = "initialAssignment";
    } else {
      registry.update(spec);
      if (known !== undefined && !enrollment.reprovisionPolicy.migrateDeviceData) {
        this.#parts.twins.reset({ deviceId }, enrollment.initialTwin);
        substatus = "deviceDataReset";
      }
    }
    const assignedPayload = enrollment.payload ?? payload;
    const result = { status: "assigned" as const, substatus, payload: assignedPayload };
    const registration = this.#result(attested, result);
    enrollments.keepRegistration(registration);
    return registration;
  }

  #result(
    attested: Attested,
    result: Pick<Registration, "status"> & Partial<Registration>,
  ): Registration {
    const { enrollments, assignedHub } = this.#parts;
    const { registrationId, deviceId, groupId, enrollment } = attested;
    const nowMs = this.#context.nowMs();
    return {
      ...{ registrationId, deviceId, groupId },
      assignedHub: enrollment.iotHubs[0] ?? assignedHub(),
      substatus: "initialAssignment",
      createdMs: enrollments.registration(registrationId)?.createdMs ?? nowMs,
      updatedMs: nowMs,
      etag: enrollments.newEtag(),
      ...result,
    };
  }

  #bySas(registrationId: string, password: string): Attested {
    const token = readSas(password);
    const wanted = dpsResource(this.idScope, registrationId);
    if (token.resource.toLowerCase() !== wanted.toLowerCase()) {
      throw new HubError(401002, `the token is for "${token.resource}", expected "${wanted}"`);
    }
    if (token.policy !== DPS_POLICY) {
      throw new HubError(401002, `field skn of a token for DPS must be "${DPS_POLICY}"`);
    }
    const candidates = this.#symmetricCandidates(registrationId);
    const nowMs = this.#context.nowMs();
    let refusal: unknown;
    for (const { attested, keys } of candidates) {
      try {
        const owner = attested.groupId
          ? `"${registrationId}" derived from group "${attested.groupId}"`
          : `enrollment "${registrationId}"`;
        checkSas(token, { keys: [keys.primaryKey, keys.secondaryKey], nowMs, owner });
        return { ...attested, expiresMs: token.expiryS * 1000 };
      } catch (error) {
        // An expired token found its key: that explanation is better than "wrong key" of another group.
        if (!(refusal instanceof HubError) || (error as HubError).code === 401003) refusal = error;
      }
    }
    throw refusal ?? this.#unknown(registrationId, "symmetric key");
  }

  /** The individual enrollment alone, if there is one; else every symmetric group. */
  #symmetricCandidates(registrationId: string): { attested: Attested; keys: SymmetricKeys }[] {
    const { enrollments } = this.#parts;
    const make = (enrollment: EnrollmentBase, keys: SymmetricKeys, groupId?: string) => ({
      keys,
      attested: {
        registrationId,
        deviceId: enrollments.individual(registrationId)?.deviceId ?? registrationId,
        groupId,
        enrollment,
        authentication: { type: "sas" as const, symmetricKey: keys },
        expiresMs: undefined,
      },
    });
    const individual = enrollments.individual(registrationId);
    if (individual !== undefined) {
      const { attestation } = individual;
      if (attestation.type === "symmetricKey") return [make(individual, attestation.symmetricKey)];
      throw new HubError(401002, `enrollment "${registrationId}" attests with X.509, not a key`);
    }
    return [...enrollments.groups()].flatMap((group) => {
      const { attestation } = group;
      if (attestation.type !== "symmetricKey") return [];
      const derive = (key: string): string => deriveDeviceKey(nodeDigest, key, registrationId);
      const { primaryKey, secondaryKey } = attestation.symmetricKey;
      const keys = { primaryKey: derive(primaryKey), secondaryKey: derive(secondaryKey) };
      return [make(group, keys, group.groupId)];
    });
  }

  #byCertificate(registrationId: string, certificate: PeerCertificate | undefined): Attested {
    if (certificate === undefined) {
      throw new HubError(401002, `"${registrationId}" sent neither a token nor a certificate`);
    }
    certificate.checkDates(this.#context.nowMs());
    const { commonName } = certificate;
    if (commonName.toLowerCase() !== registrationId.toLowerCase()) {
      throw new HubError(
        401002,
        `the certificate's common name is "${commonName}", the registration id "${registrationId}"`,
      );
    }
    const { enrollments } = this.#parts;
    const authentication = {
      type: "selfSigned" as const,
      x509Thumbprint: { primaryThumbprint: certificate.thumbprint, secondaryThumbprint: null },
    };
    const base = { registrationId, authentication, expiresMs: undefined };
    const individual = enrollments.individual(registrationId);
    if (individual !== undefined) {
      if (!isLeafOf(individual, certificate)) {
        throw new HubError(
          401002,
          `the certificate ${certificate.thumbprint} is not the one of enrollment "${registrationId}"`,
        );
      }
      const { deviceId } = individual;
      return { ...base, deviceId, groupId: undefined, enrollment: individual };
    }
    for (const group of enrollments.groups()) {
      const { attestation } = group;
      if (attestation.type !== "x509") continue;
      if (!attestation.certificates.some((pem) => certificate.isIssuedBy(pem))) continue;
      return { ...base, deviceId: registrationId, groupId: group.groupId, enrollment: group };
    }
    throw this.#unknown(registrationId, "X.509");
  }

  #unknown(registrationId: string, kind: string): HubError {
    return new HubError(
      401002,
      `there is no enrollment "${registrationId}" and no ${kind} group it could belong to`,
    );
  }
}

function isLeafOf(enrollment: EnrollmentBase, certificate: PeerCertificate): boolean {
  const { attestation } = enrollment;
  if (attestation.type !== "x509") return false;
  return (
    attestation.thumbprints.some((thumbprint) => certificate.hasThumbprint(thumbprint)) ||
    attestation.certificates.some((pem) => certificate.isSame(pem))
  );
}
