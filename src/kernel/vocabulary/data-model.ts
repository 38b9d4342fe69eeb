/**
 * The types of src/generated/data-model/index.ts, which scripts/data-model-generator.ts writes from the Prisma models.
 */

/** How all tenants share the rows of a model: only operators write them, or every tenant does. */
export type SharedForm = 'readable' | 'writable';

/**
 * The form that a model declares in its comment: a line `/// @shared`, or `/// @shared writable`. Undefined for a model
 * that belongs to tenants.
 */
export function sharedFormOf(documentation: string | null | undefined): SharedForm | undefined {
  const declared = /^[ \t]*@shared(?<writable>[ \t]+writable)?[ \t]*$/m.exec(documentation ?? '');
  if (declared === null) return undefined;
  return declared.groups?.['writable'] === undefined ? 'readable' : 'writable';
}

export interface ModelInfo {
  /** The database's names of the schema and of the table. */
  readonly schema: string;
  readonly table: string;
  /** For a model without a tenant. */
  readonly shared?: SharedForm;
  /** It is in platform.prisma: every installation has it, and functions of the kernel may name its table. */
  readonly isOfPlatform?: boolean;
  readonly fields: Readonly<Record<string, FieldInfo>>;
  /** The primary key and the unique keys that have several fields. */
  readonly keys: readonly KeyInfo[];
  /** The fields of each index that is not a key. */
  readonly indexes: readonly (readonly string[])[];
}

export interface KeyInfo {
  /** The name that the Prisma schema gives it. Without one, Prisma calls it by its fields: `tenantId_id`. */
  readonly name?: string;
  readonly fields: readonly string[];
}

export interface FieldInfo {
  /** Prisma's type (`String`, `BigInt`, …), or the name of an enum or of the related model. */
  readonly type: string;
  readonly isEnum?: boolean;
  /** The values of an enum, if the database has the same names for all of them. */
  readonly values?: readonly string[];
  readonly isNullable?: boolean;
  readonly isList?: boolean;
  /** The field alone is the primary key or a unique key. */
  readonly isUnique?: boolean;
  /** The database's name of the column; relations have none. */
  readonly column?: string;
  /** `@db.VarChar(40)` is `['VarChar', '40']`. */
  readonly native?: readonly string[];
  /**
   * The value of a new row that is given none: a constant of the schema, the current time, or what Prisma or the
   * database makes, such as an id.
   */
  readonly byDefault?: 'value' | 'time' | 'prisma' | 'database';
  /** For a relation: the fields of its foreign key and the referenced fields; both empty on the other side. */
  readonly relation?: { readonly fields: readonly string[]; readonly references: readonly string[] };
  readonly documentation?: string;
}

/** The digits behind the point that a column `numeric(precision, scale)` has; undefined when the model does not say. */
export function scaleOf(info: FieldInfo | undefined): number | undefined {
  const [native, , scale] = info?.native ?? [];
  return native === 'Decimal' && scale !== undefined ? Number(scale) : undefined;
}

/**
 * The tables of the application: those of models with a tenant that are not the platform's. For a tenant with a schema of
 * its own they are there.
 */
export const applicationTables = (models: Readonly<Record<string, ModelInfo>>): ReadonlySet<string> =>
  new Set(
    Object.values(models)
      .filter(
        ({ schema, shared, isOfPlatform }) => schema === 'public' && !isOfPlatform && shared === undefined,
      )
      .map(({ table }) => table),
  );
