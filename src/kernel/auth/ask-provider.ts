import type { Outgoing } from '../outgoing/outgoing.js';

const WITHIN_MS = 5_000;
const MOST_BYTES = 1024 * 1024;

/** Reads JSON that the identity provider publishes. Errors contain nothing of the answer but its status. */
export async function askProvider(outgoing: Outgoing, url: string): Promise<unknown> {
  const { status, body } = await outgoing.send({
    url,
    method: 'GET',
    headers: { accept: 'application/json' },
    withinMs: WITHIN_MS,
    answer: 'read',
    maxBytes: MOST_BYTES,
  });
  if (status !== 200) throw new Error(`The provider answered with the status ${String(status)}.`);
  try {
    return JSON.parse(body) as unknown;
  } catch {
    throw new Error('The provider did not answer with JSON.');
  }
}
