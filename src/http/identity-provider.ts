/**
 * What the identity provider says of itself (OpenID Connect Discovery 1.0): where users log in. The server asks, so that a
 * page needs no permission of the provider for that, and so that its Content-Security-Policy can name the one other host.
 */
import { z } from 'zod';
import { askProvider } from '../kernel/auth/ask-provider.js';
import { Outgoing } from '../kernel/outgoing/outgoing.js';
import { PublicError } from '../kernel/vocabulary/errors.js';
import type { Login } from './login.js';

/** A provider that moves its pages is noticed after this time. */
const KEPT_MS = 300_000;
/** The minimum time between two requests to a provider that does not answer. */
const ASK_AGAIN_AFTER_MS = 1_000;

const address = z.url({ protocol: /^https?$/ });
const metadata = z.object({
  issuer: z.string(),
  authorization_endpoint: address,
  token_endpoint: address,
  end_session_endpoint: address.optional(),
});

/**
 * @returns asks the provider, and keeps its answer. An answer that has been kept too long is used until there is a newer one,
 *   so nobody waits for a provider that is away
 */
export function loginAt(
  issuer: string,
  client: Pick<Login, 'clientId' | 'audience' | 'scope'>,
  onFailure: (error: unknown) => void,
): () => Promise<Login> {
  // The operator has chosen this host, which is often inside the own network.
  const outgoing = new Outgoing({ allowed: [new URL(issuer).hostname] });
  let kept: Login | undefined;
  let askAgainAt = -Infinity;
  let asking: Promise<void> | undefined;
  const ask = async (): Promise<void> => {
    try {
      kept = { ...(await discover(outgoing, issuer)), ...client };
      askAgainAt = performance.now() + KEPT_MS;
    } catch (error) {
      askAgainAt = performance.now() + ASK_AGAIN_AFTER_MS;
      onFailure(error);
    } finally {
      asking = undefined;
    }
  };
  return async () => {
    if (performance.now() >= askAgainAt) asking ??= ask();
    if (!kept) await asking;
    if (!kept) {
      throw new PublicError('UNAVAILABLE', 'The identity provider cannot be reached. Try again later.');
    }
    return kept;
  };
}

async function discover(
  outgoing: Outgoing,
  issuer: string,
): Promise<Omit<Login, 'clientId' | 'audience' | 'scope'>> {
  const found = metadata.safeParse(
    await askProvider(outgoing, `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`),
  );
  if (!found.success) throw new Error('The identity provider did not say where users log in.');
  if (found.data.issuer !== issuer)
    throw new Error('The identity provider has another name than the configured issuer.');
  return {
    authorizationEndpoint: found.data.authorization_endpoint,
    tokenEndpoint: found.data.token_endpoint,
    endSessionEndpoint: found.data.end_session_endpoint,
  };
}
