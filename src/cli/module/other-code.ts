/** The other files of a module: its declaration, its demo rows, and the test of its permissions. */
import { sampleOf } from './column-values.js';
import type { ModulePlan } from './plan.js';

/** The code of `index.ts`, whose module src/modules.ts installs. */
export function printIndex({ one, many, model, file, resource, hasQuota }: ModulePlan): string {
  return `import { defineModule, readSchema } from '../../kernel/graphql/module.js';
import { resolvers } from './${file}.resolvers.js';
import { seedDemo } from './${file}.seed.js';

export const ${one}Module = defineModule({
  name: '${file}',
  typeDefs: readSchema(import.meta.url, '${file}.graphql'),
  resolvers,
  ${hasQuota ? `quotas: { ${many}: '${model}' },` : ''}
  permissions: {
    '${resource}:read': ['owner', 'admin', 'member', 'viewer'],
    '${resource}:write': ['owner', 'admin', 'member'],
  },
  seedDemo,
});
`;
}

/** The code of the module's seed: rows for a new demo tenant, or none when they need rows of another model. */
export function printSeed(plan: ModulePlan): string {
  const { one, columns, author, many } = plan;
  const needed = columns.filter((column) => column.isRequired);
  const points = needed.some(({ name }) => plan.relations.some(({ key }) => key === name));
  // Rows that must reference another row are left to the owner, because the referenced row cannot be guessed.
  if (points) {
    return `/** Rows for a new demo tenant. Write some: what they point at has to be made first. */
export async function seedDemo(): Promise<void> {
  return Promise.resolve();
}
`;
  }
  const row = (n: number) =>
    `{ ${needed.map((column) => `${column.name}: ${sampleOf(column, n)}`).join(', ')} }`;
  const enums = needed.filter(({ info }) => info.isEnum).map(({ info }) => info.type);
  const named = [
    ...new Set([...enums, ...(needed.some(({ type }) => type === 'Decimal') ? ['Prisma'] : [])]),
  ];
  const who = author === undefined ? '' : `, ${author}: owner.context.actor.id`;
  return `import type { Role } from '../../kernel/vocabulary/permissions.js';
import type { TenantClient } from '../../kernel/tenancy/tenant-client.js';
${named.length > 0 ? `import { ${named.join(', ')} } from '../../generated/prisma/client.js';` : ''}

const ${many.toUpperCase()} = [${[1, 2, 3].map(row).join(', ')}];

/** A few rows for a new demo tenant. */
export async function seedDemo(as: (role: Role) => TenantClient): Promise<void> {
  const owner = as('owner');
  for (const data of ${many.toUpperCase()}) await owner.${one}.create({ data: { ...data${who} } });
}
`;
}

/** The code of the permission test: each field and mutation with what it requires. */
export function printTest(plan: ModulePlan): string {
  const { model, one, many, area, file, resource, relations } = plan;
  const read = `'${resource}:read'`;
  const write = `'${resource}:write'`;
  const shown = relations.filter(({ guard }) => guard !== undefined && guard !== '');
  const permissionOf = (guard: string) => {
    const name = /permission: (\w+)_([A-Z]+)\)/.exec(guard);
    return `'${name![1]!.toLowerCase()}:${name![2]!.toLowerCase()}'`;
  };
  // A list on the model’s own type is among its fields.
  const others = relations.filter(({ type, list }) => list !== undefined && type !== model);
  return `/**
 * Proves which role, and which API key, is given which field of this module, over HTTP and field by field. The table is the
 * review: a new permission or a changed guard fails until somebody has written it down here. What stands for a type is what its
 * fields demand. Arguments and rows follow from the schema and the data model. What other tenants may try is tried in
 * test/platform/attack.slow.test.ts.
 */
import { ${one}Module } from '../../src/${area}/${file}/index.js';
import { provePermissions } from '../support/permission-matrix.js';
import { useServer } from '../support/server.js';

const read = ${read};
const write = ${write};

provePermissions(useServer(), [${one}Module], {
  grants: {
    owner: [read, write],
    admin: [read, write],
    member: [read, write],
    viewer: [read],
  },
  guards: {
    Query: { ${one}: read, ${many}: read },
    Mutation: { create${model}: write, update${model}: write, delete${model}: write },
    Subscription: { ${one}Changed: read },
    ${model}: ${shown.length > 0 ? `{ '*': read, ${shown.map(({ name, guard }) => `${name}: ${permissionOf(guard!)}`).join(', ')} }` : 'read'},
    ${model}Connection: read,
    ${model}Edge: read,
    ${model}Change: read,
    Create${model}Payload: read,
    Update${model}Payload: read,
    Delete${model}Payload: write,
    ${others.map(({ type, list }) => `${type}: { ${list!}: read },`).join('\n')}
  },
});
`;
}
