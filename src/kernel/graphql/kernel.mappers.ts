/** The TypeScript types of the enums in the kernel's schema: see codegen.ts. */
export type { Permission as PermissionMapper, Role as RoleMapper } from '../vocabulary/permissions.js';
export type { OrderDirection as OrderDirectionMapper } from './connection.js';
