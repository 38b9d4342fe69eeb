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

/** Signs a token of an operator like the operators' identity provider, for development, tests and scripts. */
export const issueOperatorToken = (
  { name, scope }: { readonly name: string; readonly scope: string },
  signing: { readonly secret: string; readonly issuer: string; readonly audience: string },
  lifetimeSeconds: number,
): string =>
  jwt.sign({ scope }, signing.secret, {
    algorithm: 'HS256',
    subject: name,
    issuer: signing.issuer,
    audience: signing.audience,
    expiresIn: lifetimeSeconds,
  });
