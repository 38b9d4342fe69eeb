/** Copies `retryAfter` of errors to the header `Retry-After`, which proxies and HTTP clients understand. */
import type { ApolloServerPlugin } from '@apollo/server';

const seconds = (extensions: Readonly<Record<string, unknown>> | undefined): number | undefined => {
  const retryAfter = extensions?.['retryAfter'];
  return typeof retryAfter === 'number' ? retryAfter : undefined;
};

/** The value of the header for an answer with these errors; undefined when there is none. */
export function retryAfter(
  errors: readonly { readonly extensions?: Readonly<Record<string, unknown>> }[],
): string | undefined {
  const all = errors.flatMap(({ extensions }) => seconds(extensions) ?? []);
  return all.length === 0 ? undefined : String(Math.max(...all));
}

export const tellRetryAfter: ApolloServerPlugin = {
  async requestDidStart() {
    return {
      async willSendResponse({ response: { body, http } }) {
        if (body.kind !== 'single' || !body.singleResult.errors) return;
        const value = retryAfter(body.singleResult.errors);
        if (value !== undefined) http.headers.set('retry-after', value);
      },
    };
  },
};
