/** The origins of CORS_ORIGINS: one spelling for each, and the only comparison with the header `Origin`. */
import { isIP } from 'node:net';

/** Scheme, `*.` or nothing, host, port. Apps in a shell have schemes of their own: `capacitor://localhost`. */
const ENTRY = /^([a-z][a-z0-9+.-]*):\/\/(\*\.)?([^\s/?#@\\*]+)\/?$/i;

/** What stands for the label of `https://*.example.com`: letters, digits and hyphens, as in a host that exists. */
const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/**
 * An origin as browsers write it: in lower case, without the default port of its scheme and without a slash at the
 * end. `https://*.example.com` stays a pattern.
 *
 * @throws Error that says what is wrong with the entry, without repeating it
 */
export function normalizedOrigin(entry: string): string {
  if (entry === '*') throw new Error('has `*`: list the origins, or use https://*.example.com');
  const [, scheme = '', wildcard = '', host = ''] = ENTRY.exec(entry) ?? [];
  if (host === '') throw new Error('has an entry that is no origin: write https://app.example.com, no path');
  if (!/^https?$/i.test(scheme)) {
    if (wildcard !== '') throw new Error('has a `*` in an origin that is neither http nor https');
    return entry.toLowerCase().replace(/\/$/, '');
  }
  const origin = originOf(`${scheme}://${host}`);
  if (origin === undefined) throw new Error('has an entry with an invalid host or port');
  return wildcard === '' ? origin : withWildcard(origin);
}

function originOf(url: string): string | undefined {
  return URL.canParse(url) ? new URL(url).origin : undefined;
}

/** Every subdomain is trusted, so the domain must be one that a single organisation can have. */
function withWildcard(origin: string): string {
  const { protocol, hostname, host } = new URL(origin);
  const isLocal = hostname === 'localhost' || hostname.endsWith('.localhost');
  if (protocol !== 'https:' && !isLocal) {
    throw new Error('has a `*` with http: anybody on the network could answer for a subdomain');
  }
  if (isIP(hostname.replace(/^\[|\]$/g, '')) !== 0 || (!isLocal && !hostname.includes('.'))) {
    throw new Error('has a `*` that does not stand before a domain: write https://*.example.com');
  }
  return `${protocol}//*.${host}`;
}

/**
 * Whether an origin, as a browser sends it, is one of the list, whose entries are normalized. `*` stands for exactly
 * one label.
 */
export function isListedOrigin(list: readonly string[], origin: string | undefined): boolean {
  if (origin === undefined) return false;
  return list.some((entry) => {
    const [before, after] = entry.split('*') as [string, string?];
    if (after === undefined) return origin === entry;
    if (!origin.startsWith(before) || !origin.endsWith(after)) return false;
    return LABEL.test(origin.slice(before.length, -after.length));
  });
}
