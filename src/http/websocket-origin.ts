import type { IncomingHttpHeaders } from 'node:http';
import { isListedOrigin } from '../kernel/config/origins.js';

/**
 * Whether a WebSocket may be opened from this origin. Browsers may connect from the API's own origin and from the listed
 * ones, as over HTTP. Other clients send no origin.
 */
export function isWelcomeOrigin(
  { origin, host }: IncomingHttpHeaders,
  corsOrigins: readonly string[],
): boolean {
  return origin === undefined || isListedOrigin(corsOrigins, origin) || isOwnOrigin(origin, host);
}

function isOwnOrigin(origin: string, host = ''): boolean {
  try {
    const { protocol, host: name } = new URL(origin);
    return new URL(`${protocol}//${host}`).host === name;
  } catch {
    return false;
  }
}
