// Who is allowed to connect as which device, and why not (IoT Hub docs "Authenticate identities").
import type { ParsedSas } from "../../../firmware/connection/sas-parse.ts";
import type { Authorities } from "./authorities.ts";
import { type HubContext, isOwnHost, withoutPort } from "./context.ts";
import { HubError } from "./hub-error.ts";
import { type Identity, type IdentityName, identityKey } from "./identity.ts";
import type { PeerCertificate } from "./peer-certificate.ts";
import type { Policies } from "./policies.ts";
import type { Registry } from "./registry.ts";
import { checkSas, readSas } from "./sas.ts";

export interface Credentials {
  /** SAS token; undefined or empty for X.509. */
  password: string | undefined;
  certificate: PeerCertificate | undefined;
}

export interface Authenticated {
  identity: Identity;
  /** `iothub-connection-auth-method`. */
  authMethod: string;
  /** End of the token, Unix ms; undefined with a certificate. */
  expiresMs: number | undefined;
}

export class Authenticator {
  readonly #context: HubContext;
  readonly #registry: Registry;
  readonly #policies: Policies;
  readonly #authorities: Authorities;

  constructor(
    context: HubContext,
    parts: { registry: Registry; policies: Policies; authorities: Authorities },
  ) {
    this.#context = context;
    this.#registry = parts.registry;
    this.#policies = parts.policies;
    this.#authorities = parts.authorities;
  }

  /** @throws HubError 401002, 401003, 403012, 404001, 404010; the message explains. */
  authenticate(name: IdentityName, credentials: Credentials): Authenticated {
    const identity = this.#registry.get(name);
    if (identity.status === "disabled") {
      throw new HubError(403012, `"${identityKey(name)}" is disabled in the registry`);
    }
    return credentials.password
      ? this.#bySas(identity, credentials.password)
      : this.#byCertificate(identity, credentials.certificate);
  }

  #bySas(identity: Identity, password: string): Authenticated {
    const token = readSas(password);
    const key = identityKey(identity);
    this.#checkResource(token, identity);
    if (token.policy !== undefined) {
      this.#byPolicy(token);
    } else {
      const { authentication } = identity;
      if (authentication.type !== "sas") {
        const kind = authentication.type;
        throw new HubError(401002, `"${key}" authenticates with ${kind}, not with a token`);
      }
      const { primaryKey, secondaryKey } = authentication.symmetricKey;
      const nowMs = this.#context.nowMs();
      checkSas(token, { keys: [primaryKey, secondaryKey], nowMs, owner: `"${key}"` });
    }
    const scope = token.policy !== undefined ? "hub" : scopeOf(identity);
    return {
      identity,
      authMethod: authMethod(scope, "sas"),
      expiresMs: token.expiryS * 1000,
    };
  }

  #byPolicy(token: ParsedSas): void {
    const policy = this.#policies.find(token.policy ?? "");
    if (policy === undefined) {
      throw new HubError(401002, `there is no policy "${token.policy}" (field skn)`);
    }
    if (!policy.rights.includes("DeviceConnect")) {
      throw new HubError(401002, `policy "${policy.name}" has no right DeviceConnect`);
    }
    const keys = [policy.primaryKey, policy.secondaryKey];
    checkSas(token, { keys, nowMs: this.#context.nowMs(), owner: `policy "${policy.name}"` });
  }

  /** A device's own token names the device; a policy's token may name a parent path. */
  #checkResource(token: ParsedSas, identity: Identity): void {
    const [host = "", ...segments] = token.resource.split("/");
    if (!isOwnHost(this.#context.names, host)) {
      const own = this.#context.names.join(", ");
      throw new HubError(401002, `the token is for hub "${withoutPort(host)}", this hub is ${own}`);
    }
    const wanted = ["devices", identity.deviceId];
    if (identity.moduleId !== undefined) wanted.push("modules", identity.moduleId);
    const isPrefix =
      segments.length <= wanted.length && segments.every((part, index) => part === wanted[index]);
    const isEnough = token.policy !== undefined || segments.length >= 2;
    if (isPrefix && isEnough) return;
    throw new HubError(
      401002,
      `the token is for "${segments.join("/")}", the connection for "${wanted.join("/")}"`,
    );
  }

  #byCertificate(identity: Identity, certificate: PeerCertificate | undefined): Authenticated {
    const key = identityKey(identity);
    const { authentication } = identity;
    if (authentication.type === "sas" || authentication.type === "none") {
      throw new HubError(401002, `"${key}" authenticates with a token, and no password came`);
    }
    if (certificate === undefined) {
      throw new HubError(401002, `"${key}" authenticates with X.509, and no certificate came`);
    }
    certificate.checkDates(this.#context.nowMs());
    if (authentication.type === "selfSigned") {
      const { primaryThumbprint, secondaryThumbprint } = authentication.x509Thumbprint;
      if (![primaryThumbprint, secondaryThumbprint].some((t) => certificate.hasThumbprint(t))) {
        const seen = certificate.thumbprint;
        throw new HubError(
          401002,
          `the certificate's thumbprint ${seen} is not the one registered for "${key}"`,
        );
      }
    } else {
      if (certificate.commonName !== identity.deviceId) {
        const name = certificate.commonName;
        throw new HubError(401002, `the certificate's common name is "${name}", not "${key}"`);
      }
      if (!this.#authorities.haveIssued(certificate)) {
        throw new HubError(
          401002,
          `no registered authority has issued the certificate of "${key}"`,
        );
      }
    }
    return { identity, authMethod: authMethod(scopeOf(identity), "x509"), expiresMs: undefined };
  }
}

function scopeOf(identity: Identity): "device" | "module" {
  return identity.moduleId === undefined ? "device" : "module";
}

function authMethod(scope: "device" | "module" | "hub", type: "sas" | "x509"): string {
  return JSON.stringify({ scope, type, issuer: "iothub" });
}
