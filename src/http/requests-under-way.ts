/**
 * The requests that are being answered, so that those of a tenant end when it is suspended. A request that only lost a
 * permission goes on: it may be the one that has changed the access, and its effects are bound to what it was admitted for.
 */
import type { AccessChange, AccessInvalidations } from '../kernel/notifications/access-invalidations.js';
import type { Deadline } from '../kernel/request/deadline.js';
import { publicError } from '../kernel/vocabulary/errors.js';
import type { ErrorCode } from '../kernel/vocabulary/errors.js';

/** A request that is being answered. */
export interface UnderWay {
  readonly tenantId: string;
  readonly deadline: Deadline;
  /** Looks the caller's access up again. @throws the refusal, as a rejection */
  readonly confirm: () => Promise<void>;
}

/** The refusals that end a request. */
const ENDINGS: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['TENANT_SUSPENDED', 'TENANT_NOT_FOUND']);

export class RequestsUnderWay {
  readonly #byTenant = new Map<string, Set<UnderWay>>();

  constructor(invalidations: Pick<AccessInvalidations, 'onChange'>) {
    invalidations.onChange((change) => this.#hear(change));
  }

  /** @returns a function; call it when the request has been answered */
  begin(request: UnderWay): () => void {
    const { tenantId } = request;
    const ofTenant = this.#byTenant.get(tenantId) ?? new Set();
    this.#byTenant.set(tenantId, ofTenant.add(request));
    return () => {
      ofTenant.delete(request);
      if (ofTenant.size === 0 && this.#byTenant.get(tenantId) === ofTenant) this.#byTenant.delete(tenantId);
    };
  }

  #hear(change: AccessChange | undefined): void {
    // A change of one member suspends nobody.
    if (change?.userId !== undefined) return;
    const concerned = change ? [this.#byTenant.get(change.tenantId) ?? []] : [...this.#byTenant.values()];
    for (const { deadline, confirm } of concerned.flatMap((requests) => [...requests])) {
      confirm().catch((error: unknown) => {
        const refusal = publicError(error);
        if (refusal && ENDINGS.has(refusal.code)) deadline.end(refusal);
      });
    }
  }
}
