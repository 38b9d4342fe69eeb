/**
 * The types of src/generated/data-model/index.ts, which scripts/data-model-generator.ts writes from the Prisma models.
 */

export interface ModelInfo {
  /** The database's name of the table. */
  readonly table: string;
  readonly fields: Readonly<Record<string, FieldInfo>>;
  /** The fields of the primary key and of each unique key of several columns. */
  readonly keys: readonly (readonly string[])[];
  /** The fields of each index that is not a key. */
  readonly indexes: readonly (readonly string[])[];
}

export interface FieldInfo {
  /** Prisma's type (`String`, `BigInt`, …), or the name of an enum or of the related model. */
  readonly type: string;
  readonly isEnum?: boolean;
  readonly isNullable?: boolean;
  readonly isList?: boolean;
  /** The database's name of the column; relations have none. */
  readonly column?: string;
  /** `@db.VarChar(40)` is `['VarChar', '40']`. */
  readonly native?: readonly string[];
  /** A constant (`value`), or a new value of the database or Prisma (`made`), such as a time or an id. */
  readonly byDefault?: 'value' | 'made';
  /** For a relation: the fields of its foreign key and the referenced fields; both empty on the other side. */
  readonly relation?: { readonly fields: readonly string[]; readonly references: readonly string[] };
  readonly documentation?: string;
}
