import { createContext, use } from 'react';
import type { MeQuery, Permission } from '../generated/graphql.js';

export type { Permission };

export type Me = MeQuery['me'];

/** Who the caller is in the tenant that is open. It is read again when the caller comes back to the window. */
export const ViewerContext = createContext<Me | undefined>(undefined);

/** The caller. Only below the page that has read who it is. */
export function useViewer(): Me {
  const me = use(ViewerContext);
  if (!me) throw new Error('nobody has signed in here');
  return me;
}
