import jwt from 'jsonwebtoken';
import { TEST_SECRET } from './server.js';

export interface UserClaims {
  readonly sub: string;
  readonly email?: string;
  /** The default is true. */
  readonly email_verified?: unknown;
  readonly tenant_id?: string;
}

/** A token of any user, as an identity provider that has verified the address would issue it. */
export const userToken = (claims: UserClaims): string =>
  jwt.sign({ email_verified: true, ...claims }, TEST_SECRET, {
    issuer: 'tenantry',
    audience: 'tenantry',
    expiresIn: 3_600,
  });
