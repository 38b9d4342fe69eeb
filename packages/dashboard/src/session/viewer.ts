import { createContext, use } from 'react';
import type { MeQuery, Permission } from '../generated/graphql.js';

export type { Permission };

export type Me = MeQuery['me'];

/** Of the caller in the tenant that is open. Renewed when the caller's access changes. */
export const ViewerContext = createContext<Me | undefined>(undefined);

/** The caller. Only below the page that has read who it is. */
export function useViewer(): Me {
  const me = use(ViewerContext);
  if (!me) throw new Error('nobody has signed in here');
  return me;
}

/** Whether the caller holds a permission. */
export function useMay(): (permission: Permission) => boolean {
  const { permissions } = useViewer();
  return (permission) => permissions.includes(permission);
}

/** `users:manage`, as refusals name it, in the form of the schema. */
export const permissionNamed = (name: string): string => name.replace(':', '_').toUpperCase();
