/** T29: differences between the schemas of tenants. */
import type { Catalog, Relation } from '../catalog.js';
import type { Finding } from '../finding.js';
import type { AuditSettings, CatalogRule } from '../rule.js';
import { list } from '../sql-text.js';
import { isAudited, isTable } from '../tenancy.js';

/** Two similar schemas may be tables and their archive; three are a pattern. */
const FEWEST = 3;

export const schemaDrift: CatalogRule = {
  id: 'T29',
  title: 'Schemas of tenants have drifted apart',
  severity: 'major',
  why: 'A migration that did not reach every tenant’s schema leaves some without the protection that the others have.',
  check(catalog, settings): readonly Finding[] {
    const schemas = tenantSchemas(catalog, settings);
    const common = mostCommon([...schemas.values()].map((parts) => [...parts].join('\n')));
    if (common === undefined) return [];
    const expected = new Set(common.split('\n'));
    return [...schemas].flatMap(([name, parts]) => {
      const missing = [...expected].filter((part) => !parts.has(part));
      const extra = [...parts].filter((part) => !expected.has(part));
      if (missing.length + extra.length === 0) return [];
      return [
        {
          rule: schemaDrift,
          object: `schema ${name}`,
          evidence: [
            `unlike most of the ${String(schemas.size)} schemas with the same tables`,
            missing.length > 0 ? `it lacks ${list(missing)}` : '',
            extra.length > 0 ? `it has ${list(extra)}` : '',
          ]
            .filter((text) => text !== '')
            .join('; '),
          advice: 'Run the migrations that it missed, or drop the schema when its tenant is gone.',
        },
      ];
    });
  },
  notChecked: (catalog, settings) =>
    tenantSchemas(catalog, settings).size === 0
      ? []
      : [
          {
            object: 'schemas of tenants that are gone',
            reason: 'which tenant a schema belongs to stands in rows, and a rule reads none',
          },
        ],
};

/** The schemas with the same tables, each as the set of its objects. */
function tenantSchemas(catalog: Catalog, settings: AuditSettings): ReadonlyMap<string, ReadonlySet<string>> {
  const tables = new Map<string, Relation[]>();
  for (const relation of catalog.relations) {
    if (!isTable(relation) || !isAudited(relation, settings) || relation.isPartition) continue;
    tables.set(relation.schema, [...(tables.get(relation.schema) ?? []), relation]);
  }
  const alike = [...tables.keys()].filter((schema) => {
    const names = namesOf(tables.get(schema));
    const others = [...tables.keys()].filter(
      (other) => other !== schema && overlap(names, namesOf(tables.get(other))),
    );
    return names.size >= 2 && others.length >= FEWEST - 1;
  });
  return new Map(alike.map((schema) => [schema, new Set((tables.get(schema) ?? []).flatMap(partsOf))]));
}

function namesOf(tables: readonly Relation[] | undefined): ReadonlySet<string> {
  return new Set((tables ?? []).map(({ name }) => name));
}

/** Whether they have more common names than each has others. */
function overlap(one: ReadonlySet<string>, other: ReadonlySet<string>): boolean {
  const common = [...one].filter((name) => other.has(name)).length;
  return common * 2 > Math.max(one.size, other.size);
}

/** The parts of a table, without the name of its schema. */
function partsOf(table: Relation): string[] {
  const own = (text: string): string => text.replaceAll(new RegExp(`\\b"?${table.schema}"?\\.`, 'g'), '');
  return [
    `table ${table.name}`,
    ...table.columns.map(
      ({ name, type, notNull }) => `column ${table.name}.${name} ${own(type)}${notNull ? ' not null' : ''}`,
    ),
    ...table.policies.map(({ name, command, using, check }) =>
      `policy ${table.name}.${name} ${command} ${own(using ?? '')} ${own(check ?? '')}`.trimEnd(),
    ),
    ...table.indexes.map(({ definition }) => own(definition)),
    ...table.foreignKeys.map(({ name, definition }) => `key ${table.name}.${name} ${own(definition)}`),
    ...(table.rowSecurity ? [`row-level security on ${table.name}`] : []),
    ...(table.rowSecurityForced ? [`forced row-level security on ${table.name}`] : []),
  ];
}

function mostCommon(values: readonly string[]): string | undefined {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].sort(([, one], [, other]) => other - one)[0]?.[0];
}
