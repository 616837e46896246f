// DPS enrollments: individual and group, symmetric key and X.509 (Device Provisioning Service, api 2021-10-01).

import type { SymmetricKeys } from "./identity.ts";
import type { JsonObject } from "./json.ts";

export type Attestation =
  | { type: "symmetricKey"; symmetricKey: SymmetricKeys }
  /**
   * Individual: thumbprints (SHA-1 or SHA-256) or PEMs of accepted leaves, primary and secondary.
   * Group: PEMs of the signing certificates or authorities.
   */
  | { type: "x509"; thumbprints: string[]; certificates: string[] };

export interface ReprovisionPolicy {
  updateHubAssignment: boolean;
  migrateDeviceData: boolean;
}

/** Common part of both kinds. */
export interface EnrollmentBase {
  attestation: Attestation;
  enabled: boolean;
  /** Hubs a device may be assigned to; empty: this hub. */
  iotHubs: string[];
  allocationPolicy: "hashed" | "static" | "geoLatency";
  reprovisionPolicy: ReprovisionPolicy;
  initialTwin: { tags?: JsonObject; desired?: JsonObject };
  iotEdge: boolean;
  /** Handed to the device with its assignment; undefined: the device's own payload is echoed. */
  payload?: JsonObject | undefined;
  etag: string;
  createdMs: number;
  updatedMs: number;
}

export interface IndividualEnrollment extends EnrollmentBase {
  registrationId: string;
  /** Device id to create; default: the registration id. */
  deviceId: string;
}

export interface EnrollmentGroup extends EnrollmentBase {
  groupId: string;
}

/** Result of a registration, as the device is told. */
export interface Registration {
  registrationId: string;
  assignedHub: string;
  deviceId: string;
  status: "assigned" | "failed" | "disabled";
  substatus: "initialAssignment" | "deviceDataMigrated" | "deviceDataReset";
  groupId?: string | undefined;
  createdMs: number;
  updatedMs: number;
  etag: string;
  payload?: JsonObject | undefined;
}

export type EnrollmentSpec = {
  attestation:
    | { type: "symmetricKey"; symmetricKey?: Partial<SymmetricKeys> }
    | { type: "x509"; thumbprints?: string[]; certificates?: string[] };
} & Partial<Omit<EnrollmentBase, "attestation" | "etag" | "createdMs" | "updatedMs">>;

/** Enrollment operations of the service; every refusal is a `HubError`. */
export interface EnrollmentService {
  readonly idScope: string;
  putIndividual(
    registrationId: string,
    spec: EnrollmentSpec & { deviceId?: string },
    etag?: string,
  ): IndividualEnrollment;
  putGroup(groupId: string, spec: EnrollmentSpec, etag?: string): EnrollmentGroup;
  individual(registrationId: string): IndividualEnrollment | undefined;
  group(groupId: string): EnrollmentGroup | undefined;
  individuals(): Iterable<IndividualEnrollment>;
  groups(): Iterable<EnrollmentGroup>;
  removeIndividual(registrationId: string, etag?: string): void;
  removeGroup(groupId: string, etag?: string): void;
  registration(registrationId: string): Registration | undefined;
  removeRegistration(registrationId: string): void;
}
