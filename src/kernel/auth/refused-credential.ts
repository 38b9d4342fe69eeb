/** The reason why a credential is refused, for the log and the metrics. The client gets less detail. */
import { PublicError } from '../vocabulary/errors.js';
import type { ProblemKind } from '../vocabulary/problem-kind.js';

const SENTENCES = {
  missing: 'requests come without a credential',
  malformed: 'tokens are no JSON web tokens, or demand what is not understood here',
  algorithm: 'tokens are signed by an algorithm for which no key is configured: see JWT_SECRET and JWKS_URI',
  issuer: 'tokens are from another issuer than JWT_ISSUER',
  audience: 'tokens are for another audience than JWT_AUDIENCE',
  unknown_key: 'tokens are signed with a key that the identity provider does not publish: see JWKS_URI',
  signature: 'the signatures of tokens do not fit the key they name: see JWT_SECRET and JWKS_URI',
  expired: 'tokens have expired',
  not_yet_valid: 'tokens are not valid yet: compare the clocks of the identity provider and of this server',
  claims: 'tokens lack the claims sub and exp, or their tenant_id is no text',
  keys_unreachable:
    'tokens cannot be verified while the keys of the identity provider cannot be fetched: see JWKS_URI',
  api_key: 'API keys are unknown, expired or revoked',
  impersonation: 'impersonations of operators are unknown or have ended',
} as const;

export type RefusalReason = keyof typeof SENTENCES;

/** A credential is refused. */
export class RefusedCredential extends PublicError {
  constructor(
    readonly reason: RefusalReason,
    message: string,
  ) {
    super(reason === 'keys_unreachable' ? 'UNAVAILABLE' : 'UNAUTHENTICATED', message);
  }

  /** For the log and the metrics. */
  get problem(): ProblemKind {
    return { name: 'auth', reason: this.reason, sentence: SENTENCES[this.reason] };
  }
}
