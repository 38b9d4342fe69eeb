/**
 * Settings of tenants. Modules declare them, each with a schema, a description and a default; a tenant has what differs from the
 * default in the column `settings` of its row. Readers get a valid value of each, whatever is stored.
 */
import { z } from 'zod';
import type { Module } from '../../kernel/graphql/module.js';
import type { TenantClient, TenantTx } from '../../kernel/tenancy/tenant-client.js';
import { PublicError } from '../../kernel/vocabulary/errors.js';
import type { TenantSettings } from '../../kernel/vocabulary/settings.js';

declare module '../../kernel/graphql/request-context.js' {
  interface ModuleContext {
    /** `settings.read(db)` has the settings of the tenant, also in the context of a job. */
    readonly settings: Settings;
  }
}

/** A declared setting. */
export interface DeclaredSetting {
  readonly name: string;
  /** What it is for, from `.describe(…)` or `.meta({ description })` of its schema. */
  readonly description: string | null;
  /** Of its values. */
  readonly jsonSchema: Record<string, unknown>;
  readonly defaultValue: unknown;
}

type Stored = Readonly<Record<string, unknown>>;

/** The form of names. */
const NAME = /^[a-z][a-zA-Z0-9]{0,62}$/;

export class Settings {
  /** In alphabetical order. */
  readonly declared: readonly DeclaredSetting[];
  readonly #schemas: ReadonlyMap<string, z.ZodType>;

  /** @throws Error when two modules declare the same setting, or one has no default or a value that JSON has not */
  constructor(modules: readonly Pick<Module, 'name' | 'settings'>[]) {
    const schemas = new Map<string, z.ZodType>();
    for (const { name: module, settings = {} } of modules) {
      for (const [name, schema] of Object.entries(settings)) {
        if (!NAME.test(name))
          throw new Error(`${module} declares the setting ${name}: that is no name of one`);
        if (schemas.has(name))
          throw new Error(`${module} declares the setting ${name}, as another module does`);
        schemas.set(name, schema);
      }
    }
    this.#schemas = schemas;
    this.declared = [...schemas.keys()].sort().map((name) => declaration(name, schemas.get(name)!));
  }

  /** The settings of the bound tenant. In a transaction, of that moment. */
  async read(db: TenantClient | TenantTx): Promise<TenantSettings> {
    const { settings } = await db.tenant.findUniqueOrThrow({
      where: { id: db.context.tenantId },
      select: { settings: true },
    });
    return this.of(settings);
  }

  /** Every setting with its value: the default when none is stored, or one that its schema does not allow any more. */
  of(stored: unknown): TenantSettings {
    const values = objectOf(stored);
    const all = this.declared.map(({ name, defaultValue }) => {
      const parsed = this.#schemas.get(name)!.safeParse(own(values, name));
      return [name, parsed.success ? parsed.data : defaultValue];
    });
    // Each module declares the types of its own settings.
    return Object.fromEntries(all) as TenantSettings;
  }

  /**
   * What is stored after a change. A value of null stands for the default.
   *
   * @throws BAD_USER_INPUT for a name that no module declares, and for a value that its schema refuses: with the path of the
   * first in `field`, and all of them in `problems`
   */
  changed(stored: unknown, given: Stored): Record<string, unknown> {
    const names = this.declared.map(({ name }) => name).join(', ');
    refuse(
      Object.keys(given).flatMap((name) =>
        this.#schemas.has(name)
          ? this.#problemsOf(name, given[name])
          : [{ field: pathOf(name), message: `${pathOf(name)} is no setting: there are ${names}.` }],
      ),
    );
    const merged = { ...objectOf(stored), ...given };
    return Object.fromEntries(Object.entries(merged).filter(([, value]) => value !== null));
  }

  /**
   * Refuses a declared setting with a value that its schema refuses. Other names are the product's own.
   *
   * @throws BAD_USER_INPUT, as {@link changed}
   */
  check(given: Stored): void {
    refuse(Object.keys(given).flatMap((name) => this.#problemsOf(name, given[name])));
  }

  #problemsOf(name: string, value: unknown): Problem[] {
    const parsed = value === null ? undefined : this.#schemas.get(name)?.safeParse(value);
    return (parsed?.error?.issues ?? []).map(({ path, message }) => {
      const field = pathOf(name, ...path);
      return { field, message: `${field}: ${message}.` };
    });
  }
}

interface Problem {
  readonly field: string;
  readonly message: string;
}

function refuse(problems: readonly Problem[]): void {
  const [first, ...more] = problems;
  if (!first) return;
  throw new PublicError('BAD_USER_INPUT', problems.map(({ message }) => message).join(' '), {
    field: first.field,
    ...(more.length > 0 && { problems }),
  });
}

function declaration(name: string, schema: z.ZodType): DeclaredSetting {
  const parsed = schema.safeParse(undefined);
  if (!parsed.success) throw new Error(`the setting ${name} has no default`);
  const { description, ...described } = z.toJSONSchema(schema, { io: 'input' });
  // Which dialect it is, the schema of the API says.
  const jsonSchema = Object.fromEntries(Object.entries(described).filter(([key]) => key !== '$schema'));
  return { name, description: description ?? null, jsonSchema, defaultValue: parsed.data };
}

const pathOf = (...path: readonly PropertyKey[]): string =>
  ['input', 'settings', ...path].map(String).join('.');

const objectOf = (stored: unknown): Stored =>
  typeof stored === 'object' && stored !== null && !Array.isArray(stored) ? (stored as Stored) : {};

/** Not what an object inherits. */
const own = (values: Stored, name: string): unknown =>
  Object.hasOwn(values, name) ? values[name] : undefined;
