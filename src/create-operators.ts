/** Creates the parts of the operators' door. */
import type { OperatorServices } from './http/operator-services.js';
import type { ProviderKeys } from './kernel/auth/provider-keys.js';
import { createTokenVerifier } from './kernel/auth/verify-token.js';
import { ConfigError } from './kernel/config/config-error.js';
import type { Config } from './kernel/config/config.js';
import type { OperatorDoorConfig } from './kernel/config/operator-door.js';
import type { SealKeys } from './services/audit-trail/seal-keys.js';
import { DocumentReader } from './services/documents/document-reader.js';
import { notKnownHere, OperatorCells, type AwayCell } from './services/operator/operator-cells.js';
import { noConnection } from './services/operator/operator-connection.js';
import { OperatorPool } from './services/operator/operator-pool.js';
import { buildOperatorSchema } from './services/operator/operator-schema.js';

export interface OperatorParts {
  readonly config: Pick<
    Config,
    'operatorDoor' | 'production' | 'documentLimits' | 'tenantErasureDays' | 'cells'
  >;
  /** The URL of the role tenantry_operator. */
  readonly url: string | undefined;
  readonly contextKey: string | undefined;
  readonly sealKeys: SealKeys | undefined;
  readonly openKeys: (jwksUri: string) => ProviderKeys;
  readonly openLogin: (
    oidc: NonNullable<OperatorDoorConfig['oidc']>,
    audience: string,
  ) => NonNullable<OperatorServices['login']>;
  readonly onConnectionError: (error: Error) => void;
  /** Hears of each cell that a list of operators lacks. */
  readonly onAway: (cell: AwayCell) => void;
}

/**
 * @returns undefined when the door is closed
 * @throws ConfigError when it is configured, and the operators' role has no URL
 */
export function createOperators({
  config: { operatorDoor, production, documentLimits, tenantErasureDays, cells },
  url,
  contextKey,
  sealKeys,
  openKeys,
  openLogin,
  onConnectionError,
  onAway,
}: OperatorParts): OperatorServices | undefined {
  if (!operatorDoor) return undefined;
  if (url === undefined) {
    throw new ConfigError(
      'DATABASE_OPERATOR_URL is missing: the operators’ door connects as tenantry_operator.',
    );
  }
  const { secret, jwksUri, issuer, audience, oidc, requestsPerMinute } = operatorDoor;
  const pool = new OperatorPool({ url, contextKey, onConnectionError });
  const others = cells.map(({ name, operatorUrl: of }) => ({
    name,
    pool: of === undefined ? undefined : new OperatorPool({ url: of, contextKey, onConnectionError }),
  }));
  const schema = buildOperatorSchema({
    undeclaredErrors: production ? 'pass' : 'refuse',
    limits: documentLimits,
  });
  return {
    verifyToken: createTokenVerifier({
      secret,
      providerKeys: jwksUri === undefined ? undefined : openKeys(jwksUri),
      issuer,
      audience,
    }),
    schema,
    reader: new DocumentReader({ schema, hideSuggestions: production }),
    pool,
    login: oidc && openLogin(oidc, audience),
    forOperator: (operator, requestId) =>
      new OperatorCells(
        pool.forOperator(operator, requestId),
        new Map(
          others.map((cell) => [
            cell.name,
            cell.pool?.forOperator(operator, requestId) ?? noConnection(operator, notKnownHere(cell.name)),
          ]),
        ),
        onAway,
      ),
    close: async () => {
      const pools = [pool, ...others.flatMap((cell) => cell.pool ?? [])];
      await Promise.all(pools.map((each) => each.close()));
    },
    sealKeys,
    erasureDays: tenantErasureDays,
    requestsPerMinute,
  };
}
