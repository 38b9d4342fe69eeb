/** What the server asks the identity provider for, and what it reports when there is no answer. */
import { loginAt } from './http/identity-provider.js';
import { ProviderKeys } from './kernel/auth/provider-keys.js';
import type { Config } from './kernel/config/config.js';
import type { Problems } from './services/telemetry/problems.js';

/** Asks the identity provider where users of the dashboard log in. */
export function openLogin(
  { issuer, clientId }: NonNullable<Config['oidc']>,
  audience: string,
  problems: Problems,
): ReturnType<typeof loginAt> {
  const kind = {
    name: 'login',
    reason: 'unreachable',
    sentence: 'the identity provider does not say where users of the dashboard log in: see OIDC_ISSUER',
  };
  return loginAt(issuer, { clientId, audience }, (error) =>
    problems.note(kind, error instanceof Error ? error.message : String(error)),
  );
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
