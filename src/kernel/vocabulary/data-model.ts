/** What src/generated/data-model/index.ts says of the Prisma models. scripts/data-model-generator.ts writes it. */

export interface ModelInfo {
  /** As the database calls it. */
  readonly table: string;
  readonly fields: Readonly<Record<string, FieldInfo>>;
  /** The fields of the primary key, and of each unique one of several columns. */
  readonly keys: readonly (readonly string[])[];
  /** The fields of each index that is no key. */
  readonly indexes: readonly (readonly string[])[];
}

export interface FieldInfo {
  /** Prisma's type (`String`, `BigInt`, …), the name of an enum, or of the model that a relation leads to. */
  readonly type: string;
  readonly isEnum?: boolean;
  readonly isNullable?: boolean;
  readonly isList?: boolean;
  /** As the database calls it; relations have none. */
  readonly column?: string;
  /** `@db.VarChar(40)` is `['VarChar', '40']`. */
  readonly native?: readonly string[];
  /** A constant (`value`), or what the database or Prisma makes anew (`made`): a time, an id. */
  readonly byDefault?: 'value' | 'made';
  /** Of a relation: the fields that hold its key, and those they point at; none on the other side. */
  readonly relation?: { readonly fields: readonly string[]; readonly references: readonly string[] };
  readonly documentation?: string;
}
