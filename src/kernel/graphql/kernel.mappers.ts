/** The TypeScript types of types in the kernel's schema: see codegen.ts. */
export type { Permission as PermissionMapper, Role as RoleMapper } from '../vocabulary/permissions.js';
export type { OrderDirection as OrderDirectionMapper } from './connection.js';

/** A row of any type, which the node reader knows. */
export type NodeMapper = object;
