// Certificate authorities whose devices may connect as `certificateAuthority` (at most 25 a hub).
import type { HubContext } from "./context.ts";
import { HubError } from "./hub-error.ts";
import { type PeerCertificate, readCertificate } from "./peer-certificate.ts";

const AUTHORITIES_MAX = 25;
const SETTING = "authorities";

export class Authorities {
  readonly #context: HubContext;
  /** Name → PEM. */
  readonly #certificates = new Map<string, string>();

  constructor(context: HubContext) {
    this.#context = context;
    const kept = new Map(context.journal.load<{ list: [string, string][] }>("setting"));
    for (const [name, pem] of kept.get(SETTING)?.list ?? []) this.#certificates.set(name, pem);
  }

  /** Registers (or replaces) an authority. @throws HubError 400004, 401002 when `pem` is unreadable. */
  put(name: string, pem: string): void {
    if (!readCertificate(pem).ca) {
      throw new HubError(400004, `certificate "${name}" is not an authority (basic constraints)`);
    }
    if (!this.#certificates.has(name) && this.#certificates.size >= AUTHORITIES_MAX) {
      throw new HubError(400004, `a hub holds at most ${AUTHORITIES_MAX} authorities`);
    }
    this.#certificates.set(name, pem);
    this.#save();
  }

  remove(name: string): void {
    this.#certificates.delete(name);
    this.#save();
  }

  list(): ReadonlyMap<string, string> {
    return this.#certificates;
  }

  haveIssued(certificate: PeerCertificate): boolean {
    return [...this.#certificates.values()].some((pem) => certificate.isIssuedBy(pem));
  }

  #save(): void {
    this.#context.journal.put("setting", SETTING, { list: [...this.#certificates] });
    this.#context.journal.commit();
  }
}
