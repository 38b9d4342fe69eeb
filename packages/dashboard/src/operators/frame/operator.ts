/** What the pages share of one session of an operator. Nothing of it outlives the session. */
import { createContext, use } from 'react';
import type { OperatorQuery } from '../generated/graphql.js';

export interface OperatorSession {
  readonly name: string;
  /** The names of the plans that a tenant can have. */
  readonly plans: OperatorQuery['plans'];
  /** By the slug of a tenant: why the operator has opened it. */
  readonly reasons: Map<string, string>;
  readonly signOut: () => void;
}

export const OperatorContext = createContext<OperatorSession | undefined>(undefined);

/** Only below the page that has read who the caller is. */
export function useOperator(): OperatorSession {
  const operator = use(OperatorContext);
  if (!operator) throw new Error('no operator has signed in here');
  return operator;
}
