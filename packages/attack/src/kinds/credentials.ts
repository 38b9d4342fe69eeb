/** Sends credentials of each tenant to the host of the other: they must be refused. */
import type { Campaign } from '../campaign.js';
import { dataOf, type Credential } from '../wire.js';

const WHO = { query: '{ __typename }' };

export interface Hosts {
  readonly attacker: string;
  readonly victim: string;
}

/** `acme.localhost:4000` for the tenant `acme` at `http://localhost:4000/graphql`. */
export function hostOf(url: URL, slug: string, baseDomain: string | undefined): string {
  const isAddress = /^[\d.]+$|^\[/.test(url.hostname);
  const domain = baseDomain ?? (isAddress ? 'localhost' : url.hostname);
  return `${slug}.${domain}${url.port && `:${url.port}`}`;
}

/** @param secrets API keys of the victim; they may be used, but not as another tenant */
export async function tryCredentials(
  campaign: Campaign,
  { attacker, victim }: Hosts,
  secrets: readonly string[],
): Promise<void> {
  const { attackers, victims, wire } = campaign.parts;
  // Without hosts per tenant there is nothing to try.
  const nowhere = await wire.send({ as: attackers[0]!, body: WHO, headers: { host: `no-such-${victim}` } });
  if (dataOf(nowhere)) {
    campaign.note('hosts of tenants: the server takes any host (say --base-domain)');
    return;
  }
  for (const as of attackers) await mustBeRefused(campaign, as, victim);
  for (const as of victims) await mustBeRefused(campaign, as, attacker);
  for (const [n, token] of secrets.entries()) {
    const name = `API key ${String(n + 1)} of the victim`;
    await mustBeRefused(campaign, { label: name, variable: `KEY_B${String(n + 1)}`, token }, attacker);
  }
}

async function mustBeRefused(campaign: Campaign, as: Credential, host: string): Promise<void> {
  campaign.count('credential');
  const request = { as, body: WHO, headers: { host } };
  const answer = await campaign.send('credential', `Host: ${host}`, request);
  if (answer.status < 400 || dataOf(answer)) {
    const evidence = `${String(answer.status)} ${answer.body.slice(0, 200)}`;
    campaign.report({ attack: 'credential', breach: 'not refused', at: `Host: ${host}`, request, evidence });
  }
}
