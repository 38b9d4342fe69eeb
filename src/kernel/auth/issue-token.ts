import jwt from 'jsonwebtoken';

/** The user of a token. */
export interface TokenSubject {
  readonly userId: string;
  readonly email: string;
  readonly tenantId: string;
}

/** Signs a token like an identity provider, for development, tests and scripts. */
export function issueToken(
  { userId, email, tenantId }: TokenSubject,
  signing: { readonly secret: string; readonly issuer: string; readonly audience: string },
  lifetimeSeconds: number,
): string {
  return jwt.sign({ email, email_verified: true, tenant_id: tenantId }, signing.secret, {
    algorithm: 'HS256',
    subject: userId,
    issuer: signing.issuer,
    audience: signing.audience,
    expiresIn: lifetimeSeconds,
  });
}
