/** What the server asks the identity provider for, and what it reports when there is no answer. */
import { loginAt } from './http/identity-provider.js';
import { ProviderKeys } from './kernel/auth/provider-keys.js';
import type { Config } from './kernel/config/config.js';
import { OPERATOR_PERMISSIONS } from './services/operator/operator-context.js';
import type { Problems } from './services/telemetry/problems.js';

/** Asks the identity provider where users of the dashboard log in. */
export const openLogin = (
  { issuer, clientId }: NonNullable<Config['oidc']>,
  audience: string,
  problems: Problems,
): ReturnType<typeof loginAt> =>
  loginAt(
    issuer,
    { clientId, audience, scope: 'openid email offline_access' },
    noteTo(problems, 'login', 'users of the dashboard log in: see OIDC_ISSUER'),
  );

/** Asks the identity provider of operators where they log in to their console. */
export const openOperatorLogin = (
  { issuer, clientId }: NonNullable<NonNullable<Config['operatorDoor']>['oidc']>,
  audience: string,
  problems: Problems,
): ReturnType<typeof loginAt> =>
  loginAt(
    issuer,
    // The provider grants of these what the operator may do.
    { clientId, audience, scope: ['openid', 'offline_access', ...OPERATOR_PERMISSIONS].join(' ') },
    noteTo(problems, 'operator_login', 'operators log in: see OPERATOR_OIDC_ISSUER'),
  );

function noteTo(problems: Problems, name: string, what: string): (error: unknown) => void {
  const kind = {
    name,
    reason: 'unreachable',
    sentence: `the identity provider does not say where ${what}`,
  };
  return (error) => problems.note(kind, error instanceof Error ? error.message : String(error));
}

/** The published keys of the identity provider. */
export function openProviderKeys(
  jwksUri: string,
  { jwksCacheSeconds: cacheSeconds }: Config,
  problems: Problems,
): ProviderKeys {
  const kind = {
    name: 'signing_keys',
    reason: 'unreachable',
    sentence: 'the keys of the identity provider cannot be fetched: see JWKS_URI. Known keys serve on',
  };
  return new ProviderKeys({
    jwksUri,
    cacheSeconds,
    onFailure: (error) => problems.note(kind, error instanceof Error ? error.message : String(error)),
  });
}
