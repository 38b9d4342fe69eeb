import { print } from '@0no-co/graphql.web';
import type { Document } from './document.js';
import type { Refusal } from './explain.js';
import type { Session } from './session.js';
import { trimmed } from './trim.js';

/** Sends one operation for somebody who has no access to the tenant yet, or no longer: without a client and a cache. */
export async function askOnce<Data, Variables>(
  session: Session,
  document: Document<Data, Variables>,
  variables: Variables,
): Promise<{ readonly data: Data } | { readonly refusal: Refusal }> {
  // What this caller may do, the server says.
  const sent = trimmed(document.toString(), () => true);
  try {
    const answer = await fetch('/graphql', {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${await session.token()}` },
      body: JSON.stringify({ query: sent && print(sent), variables }),
    });
    const { data, errors } = (await answer.json()) as {
      data?: Data;
      errors?: { message: string; extensions: Record<string, unknown> & { code: string } }[];
    };
    const [error] = errors ?? [];
    if (!error) return { data: data! };
    const { message, extensions } = error;
    return { refusal: { message, code: extensions.code, details: extensions } };
  } catch {
    return { refusal: { code: 'OFFLINE', message: '', details: {} } };
  }
}
