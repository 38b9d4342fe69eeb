/**
 * The first layer of isolation: narrows every operation of a tenant-bound client to its tenant before Prisma receives
 * it. It must isolate tenants without row-level security, and row-level security must isolate them without it.
 */
import { READS, WRITES } from '@tenantry/prisma-tenancy/parts';
import type { ScopedModel } from './data-model.js';

export { READS, WRITES };

/** Nested operations whose payload has the fields one level deeper, and the keys of that level. */
const WRAPPING_OPERATIONS = new Set(['createMany', 'connectOrCreate', 'update', 'updateMany', 'upsert']);
const WRAPPERS = new Set(['where', 'data', 'create', 'update']);

export type Operation = (typeof READS)[number] | (typeof WRITES)[number];

/** The arguments of a Prisma operation. */
export type Arguments = Readonly<Record<string, unknown>>;

/** A write names a tenant other than its own. This is a defect of the calling code, never of a request. */
export class ForeignTenantError extends Error {
  override readonly name = 'ForeignTenantError';
}

/**
 * Narrows operations to one tenant: adds the tenant to the top-level `where` of reads, updates and deletes, and refuses
 * data that names another tenant at any depth. Nested reads need no filter, because the keys of every relation between
 * tenant-scoped models include the tenant; a relation that leads from a shared model to a tenant-scoped one is refused.
 */
export class TenantFilter {
  private readonly hasShared: boolean;

  constructor(
    private readonly models: ReadonlyMap<string, ScopedModel>,
    private readonly tenantId: string,
  ) {
    this.hasShared = sharesModels(models);
  }

  /**
   * @throws ForeignTenantError when the data names another tenant, and when a relation leads from shared rows to rows of
   * tenants; TypeError when the arguments or the condition are
   * not a plain object: a copied list or map would be an empty condition
   */
  apply(model: ScopedModel, operation: Operation, args: Arguments = {}): Arguments {
    if (!isPlain(args)) throw new TypeError(`the arguments of ${operation} are not a plain object`);
    if (this.hasShared) this.refuseFromShared(model, args);
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
    const { where = {} } = args;
    if (!isPlain(where)) throw new TypeError(`the condition of ${operation} is not a plain object`);
    // The rows of a shared model are everybody's.
    if (model.tenantField === undefined) return args;
    return { ...args, where: this.narrow(model.tenantField, where) };
  }

  private narrow(tenantField: string, where: Arguments): Arguments {
    if (!(tenantField in where)) return { ...where, [tenantField]: this.tenantId };
    const and = where['AND'];
    const others: unknown[] = and === undefined ? [] : Array.isArray(and) ? and : [and];
    return { ...where, AND: [...others, { [tenantField]: this.tenantId }] };
  }

  /**
   * Walks the fields of a payload or of a condition. Scalars are not walked (a JSON column may contain any key),
   * relations are walked as their model, and anything else (a compound key, AND, OR, NOT) contains fields of the same
   * model.
   */
  private refuseForeign(model: ScopedModel, fields: unknown): void {
    if (Array.isArray(fields)) {
      for (const item of fields) this.refuseForeign(model, item);
      return;
    }
    if (typeof fields !== 'object' || fields === null) return;
    for (const [key, value] of Object.entries(fields)) {
      if (key === model.tenantField) this.refuseOther(model, value);
      else if (model.relations.has(key)) this.refuseForeignRelation(model, key, value);
      else if (!model.scalars.has(key)) this.refuseForeign(model, value);
    }
  }

  /** Walks all arguments: the rows behind such a relation are those of every tenant. */
  private refuseFromShared(model: ScopedModel, args: unknown): void {
    if (Array.isArray(args)) {
      for (const item of args) this.refuseFromShared(model, item);
      return;
    }
    if (typeof args !== 'object' || args === null) return;
    const isShared = model.tenantField === undefined;
    for (const [key, value] of Object.entries(args)) {
      if (model.scalars.has(key) || value === undefined) continue;
      const target = this.models.get(model.relations.get(key) ?? '');
      if (isShared && (target === undefined ? key === '_count' : target.tenantField !== undefined)) {
        throw new ForeignTenantError(`${model.name}.${key} leads from shared rows to rows of tenants`);
      }
      this.refuseFromShared(target ?? model, value);
    }
  }

  /** The keys in a relation are operations: `create`, `connect`, `update`, … */
  private refuseForeignRelation(model: ScopedModel, field: string, operations: unknown): void {
    if (typeof operations !== 'object' || operations === null) return;
    const target = this.models.get(model.relations.get(field) ?? '');
    if (!target || target.name === 'Tenant') {
      throw new ForeignTenantError(
        `${model.name}.${field} cannot be written: the database sets the tenant of a row`,
      );
    }
    for (const [operation, payload] of Object.entries(operations)) {
      for (const each of Array.isArray(payload) ? (payload as unknown[]) : [payload]) {
        this.refuseForeignPayload(target, operation, each);
      }
    }
  }

  private refuseForeignPayload(target: ScopedModel, operation: string, payload: unknown): void {
    if (typeof payload !== 'object' || payload === null) return;
    if (!WRAPPING_OPERATIONS.has(operation)) {
      this.refuseForeign(target, payload);
      return;
    }
    for (const [key, value] of Object.entries(payload)) {
      if (WRAPPERS.has(key)) this.refuseForeign(target, value);
    }
    // An `update` of one row may also contain the fields directly, under any names, so both forms are walked.
    if (operation === 'update') this.refuseForeign(target, payload);
  }

  private refuseOther(model: ScopedModel, value: unknown): void {
    const named = typeof value === 'object' && value !== null && 'set' in value ? value.set : value;
    if (named !== undefined && named !== this.tenantId) {
      throw new ForeignTenantError(`a write to ${model.name} names another tenant`);
    }
  }
}

/** Whether the value is a plain object, which inherits no properties. */
function isPlain(value: unknown): value is Arguments {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** Made for each request, so the answer is kept. */
const SHARING = new WeakMap<ReadonlyMap<string, ScopedModel>, boolean>();

function sharesModels(models: ReadonlyMap<string, ScopedModel>): boolean {
  let known = SHARING.get(models);
  if (known === undefined) {
    known = [...models.values()].some(({ tenantField }) => tenantField === undefined);
    SHARING.set(models, known);
  }
  return known;
}
