/** The manifest of an archive: what it must have, by which an import checks it before the first row. */
import { z } from 'zod';

export const FORMAT = 'tenantry.tenant-export.v1';

/** What of the values was replaced by others of the same form. */
export const DISGUISES = ['none', 'secrets', 'texts'] as const;
export type Disguise = (typeof DISGUISES)[number];

const count = z.int().min(0);
const hash = z.string().regex(/^[0-9a-f]{64}$/);

const table = z.strictObject({
  schema: z.string(),
  name: z.string(),
  kind: z.enum(['transient']).nullable(),
  columns: z.array(z.strictObject({ name: z.string(), type: z.string() })),
  rows: count,
  bytes: count,
  /** Of all parts together. */
  sha256: hash,
});

const manifest = z.strictObject({
  format: z.literal(FORMAT),
  tenant: z.strictObject({ id: z.uuid(), slug: z.string() }),
  exportedAt: z.iso.datetime(),
  /** The newest migration of the database. */
  schemaVersion: z.string(),
  /** PostgreSQL's name of the moment that all rows are of. */
  snapshot: z.string(),
  disguise: z.enum(DISGUISES),
  tables: z.array(table),
  /** Tables whose rows are not in the archive, with the reason. */
  leftOut: z.array(z.strictObject({ table: z.string(), why: z.string() })),
  /** The sealed audit trail; null when nothing is sealed, or it was left out. */
  trail: z
    .strictObject({ bytes: count, sha256: hash, head: z.record(z.string(), z.unknown()).nullable() })
    .nullable(),
});

export type Manifest = z.infer<typeof manifest>;
export type TableEntry = z.infer<typeof table>;

/** The manifest in a file; undefined when it is none. */
export function parseManifest(content: Buffer): Manifest | undefined {
  try {
    return manifest.safeParse(JSON.parse(content.toString('utf8'))).data;
  } catch {
    return undefined;
  }
}

/** The folder of a table in an archive. A name may have any character. */
export const folderOf = ({ schema, name }: { readonly schema: string; readonly name: string }): string =>
  `data/${encodeURIComponent(schema)}.${encodeURIComponent(name)}`;
