import { createContext, use } from 'react';

/** What the caller may do: names of the schema, as `USERS_MANAGE`. */
export const PermissionsContext = createContext<readonly string[]>([]);

/** What the caller may do. */
export const usePermissions = (): readonly string[] => use(PermissionsContext);

/** Whether the caller may do something. */
export function useMay(): (permission: string) => boolean {
  const permissions = usePermissions();
  return (permission) => permissions.includes(permission);
}

/** `users:manage`, as refusals name it. */
export const nameOf = (permission: string): string => permission.toLowerCase().replace('_', ':');
