/**
 * What an answer depended on, of whoever it was made for. It is found out and not declared: the context that resolvers are
 * given notes what is asked of it. An answer for which nothing was asked but permissions, and nothing read but tables whose
 * rows are the same for everybody in the tenant, is the same for everybody whose permissions answer alike. Whatever is not
 * known to be harmless makes the answer a personal one.
 */
import type { Permission } from '../access/permissions.js';
import type { Viewer } from '../access/viewer.js';
import type { RequestContext } from '../graphql/request-context.js';
import type { TenantClient } from '../tenancy/tenant-client.js';
import { READS } from '../tenancy/tenant-filter.js';
import type { TenantOnlyReads } from '../tenancy/tenant-only-reads.js';

export class Dependence {
  readonly #permissions = new Map<Permission, boolean>();
  #isPersonal = false;

  /** It may be told to nobody else. */
  get isPersonal(): boolean {
    return this.#isPersonal;
  }

  /** Whether the answer would have been the same for `viewer`, who is of the same tenant. */
  holdsFor({ permissions }: Viewer): boolean {
    if (this.#isPersonal) return false;
    return [...this.#permissions].every(([permission, held]) => permissions.has(permission) === held);
  }

  /** The context, with everything that resolvers ask of it noted here. */
  of(context: RequestContext, reads: TenantOnlyReads): RequestContext {
    const viewer = this.#viewer(context.viewer);
    const db = this.#client(context.db, reads);
    const same = (value: unknown) => value;
    return this.#observed(context, {
      viewer: () => viewer,
      db: () => db,
      // Made for this context alone, and of the whole server.
      loaders: same,
      roles: same,
      guards: same,
      inputGuards: same,
      // Where graphql-shield keeps what it knows of a context.
      _shield: same,
    });
  }

  #viewer(viewer: Viewer): Viewer {
    const permissions = this.#observed(viewer.permissions, {
      has: () => (permission: Permission) => {
        const held = viewer.permissions.has(permission);
        this.#permissions.set(permission, held);
        return held;
      },
    });
    return this.#observed(viewer, {
      permissions: () => permissions,
      tenantId: (id) => id,
      tenantSlug: (slug) => slug,
    });
  }

  #client(db: TenantClient, { models, leadingElsewhere }: TenantOnlyReads): TenantClient {
    const context = this.#observed(db.context, { tenantId: (id) => id });
    const shown: Record<string, Show> = { context: () => context, key: () => (id: string) => db.key(id) };
    for (const model of models) {
      shown[model] = (delegate) => {
        const operations = delegate as Record<string, (args?: unknown) => unknown>;
        const reads = READS.map((read): [string, Show] => [
          read,
          () => (args?: unknown) => {
            if (mentions(args, leadingElsewhere)) this.#isPersonal = true;
            return operations[read]!(args);
          },
        ]);
        return this.#observed(operations, Object.fromEntries(reads));
      };
    }
    return this.#observed(db, shown);
  }

  /**
   * The object, of which the named properties are seen as `shown` says. Whoever looks at anything else gets what is there,
   * and makes the answer personal.
   */
  #observed<Target extends object>(target: Target, shown: Readonly<Record<string, Show>>): Target {
    const own = new Set<string | symbol>();
    const noted = <Arguments extends unknown[], Result>(look: (...args: Arguments) => Result) => {
      return (_shadow: object, ...args: Arguments): Result => {
        this.#isPersonal = true;
        return look(...args);
      };
    };
    const get = (name: string | symbol): unknown => {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof name === 'string' && Object.hasOwn(shown, name)) return shown[name]!(value);
      if (!own.has(name)) this.#isPersonal = true;
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    };
    // Not of the target itself: a proxy may not show its own fixed properties as anything else.
    return new Proxy<object>(
      {},
      {
        get: (_shadow, name) => get(name),
        set: (_shadow, name, value) => {
          // What one execution leaves there for itself.
          own.add(name);
          return Reflect.set(target, name, value, target);
        },
        has: noted((name: string | symbol) => Reflect.has(target, name)),
        ownKeys: noted(() => Reflect.ownKeys(target)),
        getOwnPropertyDescriptor: noted((name: string | symbol) => {
          const known = Reflect.getOwnPropertyDescriptor(target, name);
          return (
            known && {
              value: get(name),
              enumerable: known.enumerable === true,
              writable: true,
              configurable: true,
            }
          );
        }),
        defineProperty: noted((name: string | symbol, property: PropertyDescriptor) =>
          Reflect.defineProperty(target, name, property),
        ),
        deleteProperty: noted((name: string | symbol) => Reflect.deleteProperty(target, name)),
        getPrototypeOf: () => Reflect.getPrototypeOf(target),
      },
    ) as Target;
  }
}

/** What is seen instead of a value. */
type Show = (value: unknown) => unknown;

/** Whether one of the names is a key anywhere in the arguments of an operation. */
function mentions(value: unknown, names: ReadonlySet<string>): boolean {
  if (typeof value !== 'object' || value === null || names.size === 0) return false;
  if (Array.isArray(value)) return value.some((each) => mentions(each, names));
  return Object.entries(value).some(([name, inner]) => names.has(name) || mentions(inner, names));
}
