/**
 * The first line of isolation: every operation of a tenant-bound client is narrowed to its tenant before Prisma
 * sees it. It must hold without row-level security, as row-level security must hold without it.
 */
import type { ScopedModel } from './data-model.js';

/** The operations of a Prisma model delegate that only read. */
export const READS = [
  'findUnique',
  'findUniqueOrThrow',
  'findFirst',
  'findFirstOrThrow',
  'findMany',
  'count',
  'aggregate',
  'groupBy',
] as const;

/** The operations of a Prisma model delegate that write. */
export const WRITES = [
  'create',
  'createMany',
  'createManyAndReturn',
  'update',
  'updateMany',
  'updateManyAndReturn',
  'upsert',
  'delete',
  'deleteMany',
] as const;

export type Operation = (typeof READS)[number] | (typeof WRITES)[number];

/** Arguments of a Prisma operation, as far as the filter looks at them. */
export type Arguments = Readonly<Record<string, unknown>>;

/** A write names a tenant other than the one it runs in: a defect of the calling code, never of a request. */
export class ForeignTenantError extends Error {
  override readonly name = 'ForeignTenantError';
}

/**
 * Narrows operations to one tenant: adds it to the top-level `where` of reads, updates and deletes, and refuses
 * data that names another tenant at any depth. Nested reads need no filter, for every relation between
 * tenant-scoped models is keyed by the tenant as well.
 */
export class TenantFilter {
  constructor(
    private readonly models: ReadonlyMap<string, ScopedModel>,
    private readonly tenantId: string,
  ) {}

  /** @throws ForeignTenantError when the data names another tenant. */
  apply(model: ScopedModel, operation: Operation, args: Arguments = {}): Arguments {
    switch (operation) {
      case 'create':
      case 'createMany':
      case 'createManyAndReturn':
        this.refuseForeign(model, args['data']);
        return args;
      case 'upsert':
        this.refuseForeign(model, args['create']);
        this.refuseForeign(model, args['update']);
        break;
      case 'update':
      case 'updateMany':
      case 'updateManyAndReturn':
        this.refuseForeign(model, args['data']);
        break;
    }
    return { ...args, where: this.narrow(model.tenantField, args['where'] as Arguments | undefined) };
  }

  private narrow(tenantField: string, where: Arguments = {}): Arguments {
    if (!(tenantField in where)) return { ...where, [tenantField]: this.tenantId };
    const and = where['AND'];
    const others: unknown[] = and === undefined ? [] : Array.isArray(and) ? and : [and];
    return { ...where, AND: [...others, { [tenantField]: this.tenantId }] };
  }

  /**
   * Walks the data of a write. Names of scalars end the walk (a JSON column may contain any key), names of relations
   * lead to the next model, anything else (`create`, `connect`, `where`, a compound key) stays with the model.
   */
  private refuseForeign(model: ScopedModel, data: unknown): void {
    if (Array.isArray(data)) {
      for (const item of data) this.refuseForeign(model, item);
      return;
    }
    if (typeof data !== 'object' || data === null) return;
    for (const [key, value] of Object.entries(data)) {
      if (key === model.tenantField) {
        this.refuseOther(model, value);
      } else if (model.relations.has(key)) {
        this.refuseForeignRelation(model, key, value);
      } else if (!model.scalars.has(key)) {
        this.refuseForeign(model, value);
      }
    }
  }

  private refuseForeignRelation(model: ScopedModel, field: string, value: unknown): void {
    const target = this.models.get(model.relations.get(field) ?? '');
    if (value === undefined) return;
    if (!target || target.name === 'Tenant') {
      throw new ForeignTenantError(
        `${model.name}.${field} cannot be written: the database sets the tenant of a row`,
      );
    }
    this.refuseForeign(target, value);
  }

  private refuseOther(model: ScopedModel, value: unknown): void {
    const named = typeof value === 'object' && value !== null && 'set' in value ? value.set : value;
    if (named !== undefined && named !== this.tenantId) {
      throw new ForeignTenantError(`a write to ${model.name} names another tenant`);
    }
  }
}
