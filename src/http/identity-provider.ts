/**
 * What the identity provider says of itself (OpenID Connect Discovery 1.0): where users log in. The server asks, so that a
 * page needs no permission of the provider for that, and so that its Content-Security-Policy can name the one other host.
 */
import { z } from 'zod';
import { unavailable } from '../kernel/vocabulary/errors.js';
import { Outgoing } from '../kernel/outgoing/outgoing.js';
import type { Login } from './dashboard.js';

const WITHIN_MS = 5_000;
const MOST_BYTES = 256 * 1024;
/** A provider that moves its pages is noticed after this time. */
const KEPT_MS = 300_000;

const metadata = z.object({
  issuer: z.string(),
  authorization_endpoint: z.url(),
  token_endpoint: z.url(),
  end_session_endpoint: z.url().optional(),
});

/** @returns asks the provider, and keeps its answer; an answer that has been kept too long is used while the provider is away */
export function loginAt(
  issuer: string,
  client: Pick<Login, 'clientId' | 'audience'>,
  onFailure: (error: unknown) => void,
): () => Promise<Login> {
  // The operator has chosen this host, which is often inside the own network.
  const outgoing = new Outgoing({ allowed: [new URL(issuer).hostname] });
  let kept: Login | undefined;
  let askedAt = -Infinity;
  let asking: Promise<Login> | undefined;
  const ask = async (): Promise<Login> => {
    try {
      kept = { ...(await discover(outgoing, issuer)), ...client };
      askedAt = performance.now();
      return kept;
    } catch (error) {
      onFailure(error);
      if (kept) return kept;
      throw unavailable();
    } finally {
      asking = undefined;
    }
  };
  return async () => {
    if (kept && performance.now() - askedAt < KEPT_MS) return kept;
    asking ??= ask();
    return asking;
  };
}

async function discover(outgoing: Outgoing, issuer: string): Promise<Omit<Login, 'clientId' | 'audience'>> {
  const { status, body } = await outgoing.send({
    url: `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`,
    method: 'GET',
    headers: { accept: 'application/json' },
    withinMs: WITHIN_MS,
    answer: 'read',
    maxBytes: MOST_BYTES,
  });
  if (status !== 200) throw new Error(`The identity provider answered with the status ${String(status)}.`);
  const found = metadata.safeParse(JSON.parse(body));
  if (!found.success) throw new Error('The identity provider did not say where users log in.');
  if (found.data.issuer !== issuer)
    throw new Error('The identity provider has another name than OIDC_ISSUER.');
  return {
    authorizationEndpoint: found.data.authorization_endpoint,
    tokenEndpoint: found.data.token_endpoint,
    endSessionEndpoint: found.data.end_session_endpoint,
  };
}
