import type { ReactNode } from 'react';
import { Breakable } from '../kit/breakable.js';

/** Somebody: by the address, when the caller may see it, else by the id at the identity provider. */
export function Person({
  id,
  member,
}: {
  readonly id: string;
  readonly member?: { readonly email?: string | null | undefined } | null | undefined;
}): ReactNode {
  return (
    <span title={id}>
      <Breakable>{member?.email ?? id}</Breakable>
    </span>
  );
}
