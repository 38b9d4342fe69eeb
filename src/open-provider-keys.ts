import { ProviderKeys } from './kernel/auth/provider-keys.js';
import type { Config } from './kernel/config/config.js';
import type { Problems } from './services/telemetry/problems.js';

/** The keys of an identity provider, whose failures are reported. */
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
