/** The configuration of the operators' door. It is closed unless OPERATOR_JWT_AUDIENCE is set. */
import type { z } from 'zod';
import { ConfigError } from './config-error.js';
import type { environment } from './environment.js';

/** Who may come through the operators' door. */
export interface OperatorDoorConfig {
  readonly audience: string;
  readonly issuer: string;
  readonly secret: string | undefined;
  readonly jwksUri: string | undefined;
  /** Where operators log in to their console, and as which client; undefined when they do not. */
  readonly oidc: { readonly issuer: string; readonly clientId: string } | undefined;
  /** The requests of one operator in a minute. */
  readonly requestsPerMinute: number;
}

type Values = Pick<
  z.infer<typeof environment>,
  | 'JWT_ISSUER'
  | 'OIDC_ISSUER'
  | 'OPERATOR_JWT_AUDIENCE'
  | 'OPERATOR_JWT_ISSUER'
  | 'OPERATOR_JWT_SECRET'
  | 'OPERATOR_JWKS_URI'
  | 'OPERATOR_OIDC_ISSUER'
  | 'OPERATOR_OIDC_CLIENT_ID'
  | 'OPERATOR_REQUESTS_PER_MINUTE'
>;

/**
 * @returns undefined when the door is closed
 * @throws ConfigError when nothing says how operators' tokens are verified, or only half of where they log in
 */
export function operatorDoorOf(values: Values): OperatorDoorConfig | undefined {
  const { OPERATOR_JWT_AUDIENCE: audience, OPERATOR_JWT_SECRET: secret, OPERATOR_JWKS_URI: jwksUri } = values;
  if (audience === undefined) {
    if ((secret ?? jwksUri ?? values.OPERATOR_OIDC_CLIENT_ID ?? values.OPERATOR_OIDC_ISSUER) !== undefined) {
      throw new ConfigError('OPERATOR_JWT_AUDIENCE is missing: it opens the operators’ door.');
    }
    return undefined;
  }
  if (secret === undefined && jwksUri === undefined) {
    throw new ConfigError(
      'OPERATOR_JWT_SECRET or OPERATOR_JWKS_URI is missing: say how the tokens of operators are verified.',
    );
  }
  return {
    audience,
    issuer: values.OPERATOR_JWT_ISSUER ?? values.JWT_ISSUER ?? 'tenantry',
    secret,
    jwksUri,
    oidc: oidcOf(values),
    requestsPerMinute: values.OPERATOR_REQUESTS_PER_MINUTE,
  };
}

function oidcOf({
  OIDC_ISSUER,
  OPERATOR_OIDC_ISSUER,
  OPERATOR_OIDC_CLIENT_ID: clientId,
}: Values): OperatorDoorConfig['oidc'] {
  const issuer = OPERATOR_OIDC_ISSUER ?? OIDC_ISSUER;
  if (clientId !== undefined && issuer !== undefined) return { issuer, clientId };
  if (clientId === undefined && OPERATOR_OIDC_ISSUER === undefined) return undefined;
  throw new ConfigError(
    'OPERATOR_OIDC_ISSUER and OPERATOR_OIDC_CLIENT_ID belong together: say where operators log in, and as which client.',
  );
}

/**
 * Refuses a configuration in which a tenant's token would open the operators' door.
 *
 * @throws ConfigError
 */
export function refuseSharedDoor({
  jwtAudience,
  jwtSecret,
  operatorDoor,
}: {
  readonly jwtAudience: string;
  readonly jwtSecret: string | undefined;
  readonly operatorDoor: OperatorDoorConfig | undefined;
}): void {
  if (operatorDoor?.audience === jwtAudience) {
    throw new ConfigError(
      'OPERATOR_JWT_AUDIENCE and JWT_AUDIENCE are the same: tokens of tenants would open the operators’ door.',
    );
  }
  if (operatorDoor?.secret !== undefined && operatorDoor.secret === jwtSecret) {
    throw new ConfigError(
      'OPERATOR_JWT_SECRET and JWT_SECRET are the same: make one of its own for operators.',
    );
  }
}
