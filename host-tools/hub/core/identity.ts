// Identities in the registry: devices and modules, as the service API prints them (api-version 2021-04-12).

export type IdentityStatus = "enabled" | "disabled";

export interface SymmetricKeys {
  primaryKey: string;
  secondaryKey: string;
}

/** SHA-1 (40 hex digits) or SHA-256 (64) over the certificate, upper case without colons. */
export interface Thumbprints {
  primaryThumbprint: string | null;
  secondaryThumbprint: string | null;
}

export type Authentication =
  | { type: "sas"; symmetricKey: SymmetricKeys }
  | { type: "selfSigned"; x509Thumbprint: Thumbprints }
  | { type: "certificateAuthority" }
  | { type: "none" };

/** One device, or with `moduleId` one module of it. Plain data: the store keeps it as JSON. */
export interface Identity {
  deviceId: string;
  moduleId?: string;
  /** Changes when an identity is deleted and made again. */
  generationId: string;
  etag: string;
  status: IdentityStatus;
  statusReason: string | null;
  statusUpdatedMs: number | undefined;
  createdMs: number;
  authentication: Authentication;
  iotEdge: boolean;
  managedBy?: string;
}

/** What a caller gives to create or change an identity; missing keys are generated. */
export interface IdentitySpec {
  deviceId: string;
  moduleId?: string;
  status?: IdentityStatus;
  statusReason?: string | null;
  authentication?:
    | { type: "sas"; symmetricKey?: Partial<SymmetricKeys> }
    | Exclude<Authentication, { type: "sas" }>;
  iotEdge?: boolean;
  managedBy?: string;
}

/** Names an identity: device, or device and module. */
export interface IdentityName {
  deviceId: string;
  moduleId?: string | undefined;
}

/** `device` or `device/module`: the key of every table (ids contain no slash). */
export function identityKey(name: IdentityName): string {
  return name.moduleId === undefined ? name.deviceId : `${name.deviceId}/${name.moduleId}`;
}

/** Live figures beside an identity; they change with every connection and are not versioned. */
export interface IdentityActivity {
  connected: boolean;
  /** Unix ms of the last connect or disconnect; undefined = never. */
  connectionStateUpdatedMs: number | undefined;
  lastActivityMs: number | undefined;
  cloudToDeviceCount: number;
}
