/** The check of the bearer token that all peers make: signature (HS256), issuer, audience and expiry. */
import { createSecretKey } from 'node:crypto';
import jwt from 'jsonwebtoken';
import { required } from './environment.js';

export interface Identity {
  readonly userId: string;
  readonly tenantId: string;
  readonly email: string;
  readonly role: string;
}

export class Unauthenticated extends Error {
  override readonly name = 'Unauthenticated';
}

const BEARER = /^Bearer (.+)$/;

/**
 * Verifies the header `Authorization`. The key is an object because jsonwebtoken parses a text key again for each
 * token.
 */
export function verifier(): (authorization: string | undefined) => Identity {
  const key = createSecretKey(Buffer.from(required('JWT_SECRET')));
  const options = { algorithms: ['HS256' as const], issuer: 'tenantry', audience: 'tenantry' };
  return (authorization) => {
    const [, token] = BEARER.exec(authorization ?? '') ?? [];
    if (token === undefined) throw new Unauthenticated('There is no bearer token.');
    const claims = jwt.verify(token, key, options) as jwt.JwtPayload;
    return {
      userId: String(claims.sub),
      tenantId: String(claims['tenant_id']),
      email: String(claims['email']),
      role: String(claims['role']),
    };
  };
}
