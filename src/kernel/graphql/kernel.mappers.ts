/** What the enums of the kernel's schema are in code: see codegen.ts. */
export type { Permission as PermissionMapper, Role as RoleMapper } from '../vocabulary/permissions.js';
export type { OrderDirection as OrderDirectionMapper } from './connection.js';
