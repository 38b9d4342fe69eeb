import type { Permission, Role } from '../generated/graphql.js';
import { useViewer } from './viewer.js';

/** The roles that the caller may give others: those that may do no more than the caller. */
export function useGrantable(
  roles: readonly { readonly role: Role; readonly permissions: readonly Permission[] }[] | undefined,
): readonly Role[] {
  const { permissions } = useViewer();
  return (roles ?? [])
    .filter((each) => each.permissions.every((permission) => permissions.includes(permission)))
    .map(({ role }) => role);
}
