/**
 * Finds out how an answer depended on its viewer, without declarations: the resolvers' context records what they read
 * from it. If they only checked permissions, and only read tables whose rows are the same for everybody in the tenant,
 * then the answer is the same for everybody with the same results of these checks. Everything else makes the answer
 * personal.
 */
import type { Permission } from '../../kernel/vocabulary/permissions.js';
import type { Viewer } from '../../kernel/vocabulary/viewer.js';
import type { RequestContext } from '../../kernel/graphql/request-context.js';
import { READS } from '../../kernel/tenancy/tenant-filter.js';
import type { TenantOnlyReads } from '../../kernel/tenancy/tenant-only-reads.js';

export class Dependence {
  readonly reads: TenantOnlyReads;
  readonly #permissions = new Map<Permission, boolean>();
  #isPersonal = false;

  /** @param reads which models have the same rows for everybody in the tenant */
  constructor(reads: TenantOnlyReads) {
    this.reads = reads;
  }

  /** The answer may not be sent to anybody else. */
  get isPersonal(): boolean {
    return this.#isPersonal;
  }

  /** Whether the answer would be the same for `viewer`, who belongs to the same tenant. */
  holdsFor({ permissions }: Viewer): boolean {
    if (this.#isPersonal) return false;
    for (const [permission, held] of this.#permissions) {
      if (permissions.has(permission) !== held) return false;
    }
    return true;
  }

  /** The context, wrapped to record everything that resolvers read from it. */
  of(context: RequestContext): RequestContext {
    return observed(context, OF_CONTEXT, this);
  }

  becomePersonal(): void {
    this.#isPersonal = true;
  }

  ask(permissions: ReadonlySet<Permission>, permission: Permission): boolean {
    const held = permissions.has(permission);
    this.#permissions.set(permission, held);
    return held;
  }
}

/** Returns the value that resolvers see instead of a property's value. */
type Show = (value: unknown, dependence: Dependence, target: object) => unknown;
type Shown = ReadonlyMap<string | symbol, Show>;

const asItIs: Show = (value) => value;

const OF_PERMISSIONS: Shown = new Map([
  [
    'has',
    (_has, dependence, permissions) => (permission: Permission) =>
      dependence.ask(permissions as ReadonlySet<Permission>, permission),
  ],
]);

const OF_VIEWER: Shown = new Map<string, Show>([
  ['permissions', (permissions, dependence) => observed(permissions as object, OF_PERMISSIONS, dependence)],
  ['tenantId', asItIs],
  ['tenantSlug', asItIs],
  // All subscribers of a tenant have the same.
  ['plan', asItIs],
]);

/** The properties of the tenant's context to which a client is bound. */
const OF_BINDING: Shown = new Map([['tenantId', asItIs]]);

const OF_MODEL: Shown = new Map(
  READS.map((operation): [string, Show] => [
    operation,
    (read, dependence, delegate) => (args?: unknown) => {
      if (mentions(args, dependence.reads.leadingElsewhere)) dependence.becomePersonal();
      return (read as (args?: unknown) => unknown).call(delegate, args);
    },
  ]),
);

const OF_CLIENT: Shown = new Map<string, Show>([
  ['context', (binding, dependence) => observed(binding as object, OF_BINDING, dependence)],
  ['key', (key, _dependence, client) => (id: string) => (key as (id: string) => unknown).call(client, id)],
]);

const OF_CONTEXT: Shown = new Map<string, Show>([
  ['viewer', (viewer, dependence) => observed(viewer as object, OF_VIEWER, dependence)],
  ['db', (db, dependence) => observed(db as object, OF_CLIENT, dependence, dependence.reads.models)],
  // Made for this context only, or for the whole server.
  ['loaders', asItIs],
  ['roles', asItIs],
  ['plans', asItIs],
  ['guards', asItIs],
  ['inputGuards', asItIs],
  ['nodes', asItIs],
  // Counts bytes; tells nothing about the viewer.
  ['bytes', asItIs],
  // graphql-shield stores its cache of a context here.
  ['_shield', asItIs],
]);

/**
 * The object, with some properties replaced by `shown`. Reading any other property returns its value and makes the
 * answer personal.
 *
 * @param models properties that are models
 */
const observed = <Target extends object>(
  target: Target,
  shown: Shown,
  dependence: Dependence,
  models?: ReadonlySet<string>,
): Target =>
  // Not a proxy of the target itself, which could not replace its non-configurable properties.
  new Proxy<object>({}, new Observer(target, shown, dependence, models)) as Target;

class Observer implements ProxyHandler<object> {
  readonly #target: object;
  readonly #shown: Shown;
  readonly #dependence: Dependence;
  readonly #models: ReadonlySet<string> | undefined;
  readonly #seen = new Map<string | symbol, unknown>();

  constructor(target: object, shown: Shown, dependence: Dependence, models: ReadonlySet<string> | undefined) {
    this.#target = target;
    this.#shown = shown;
    this.#dependence = dependence;
    this.#models = models;
  }

  get(_shadow: object, name: string | symbol): unknown {
    if (this.#seen.has(name)) return this.#seen.get(name);
    const value: unknown = Reflect.get(this.#target, name, this.#target);
    const show = this.#shown.get(name);
    if (show) return this.#see(name, show(value, this.#dependence, this.#target));
    if (typeof name === 'string' && this.#models?.has(name)) {
      return this.#see(name, observed(value as object, OF_MODEL, this.#dependence));
    }
    this.#dependence.becomePersonal();
    return typeof value === 'function' ? (value.bind(this.#target) as unknown) : value;
  }

  /** Properties that an execution sets are only for itself. */
  set(_shadow: object, name: string | symbol, value: unknown): boolean {
    this.#seen.set(name, value);
    return Reflect.set(this.#target, name, value, this.#target);
  }

  has(_shadow: object, name: string | symbol): boolean {
    this.#dependence.becomePersonal();
    return Reflect.has(this.#target, name);
  }

  ownKeys(): (string | symbol)[] {
    this.#dependence.becomePersonal();
    return Reflect.ownKeys(this.#target);
  }

  getOwnPropertyDescriptor(shadow: object, name: string | symbol): PropertyDescriptor | undefined {
    this.#dependence.becomePersonal();
    const known = Reflect.getOwnPropertyDescriptor(this.#target, name);
    if (!known) return undefined;
    const enumerable = known.enumerable === true;
    return { value: this.get(shadow, name), enumerable, writable: true, configurable: true };
  }

  defineProperty(_shadow: object, name: string | symbol, property: PropertyDescriptor): boolean {
    this.#dependence.becomePersonal();
    return Reflect.defineProperty(this.#target, name, property);
  }

  deleteProperty(_shadow: object, name: string | symbol): boolean {
    this.#dependence.becomePersonal();
    return Reflect.deleteProperty(this.#target, name);
  }

  getPrototypeOf(): object | null {
    return Reflect.getPrototypeOf(this.#target);
  }

  #see(name: string | symbol, value: unknown): unknown {
    this.#seen.set(name, value);
    return value;
  }
}

/** Whether one of the names is a key anywhere in an operation's arguments. */
function mentions(value: unknown, names: ReadonlySet<string>): boolean {
  if (typeof value !== 'object' || value === null || names.size === 0) return false;
  if (Array.isArray(value)) return value.some((each) => mentions(each, names));
  return Object.entries(value).some(([name, inner]) => names.has(name) || mentions(inner, names));
}
