import type { Guards } from './guards.js';
import type { InputGuards } from './input-guards.js';
import type { Permission } from '../vocabulary/permissions.js';

/** Whether a caller may use one guarded part of the schema. */
export interface FieldAccess {
  /** `Tenant.plan`; of an argument, `Query.members(email:)`. */
  readonly coordinate: string;
  readonly type: string;
  readonly field: string;
  readonly requires: Permission;
  readonly allowed: boolean;
}

/** Every part of the schema that requires a permission, sorted by coordinate. */
export function fieldAccess(
  { guards, inputGuards }: { readonly guards: Guards; readonly inputGuards: InputGuards },
  permissions: ReadonlySet<Permission>,
): readonly FieldAccess[] {
  return [...guards, ...inputGuards]
    .flatMap(([coordinate, requires]) => {
      if (requires === null) return [];
      const dot = coordinate.indexOf('.');
      const [type, field] = [coordinate.slice(0, dot), coordinate.slice(dot + 1)];
      return [{ coordinate, type, field, requires, allowed: permissions.has(requires) }];
    })
    .sort((a, b) => (a.coordinate < b.coordinate ? -1 : 1));
}
