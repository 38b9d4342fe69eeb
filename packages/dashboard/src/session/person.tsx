import type { ReactNode } from 'react';

/** Somebody: by the address, when the caller may see it, else by the id at the identity provider. */
export function Person({
  id,
  member,
}: {
  readonly id: string;
  readonly member?: { readonly email?: string | null | undefined } | null | undefined;
}): ReactNode {
  return <span title={id}>{member?.email ?? id}</span>;
}
