/** The resolvers of a module, as code that its owner edits. */
import { ruleOf } from './column-values.js';
import { filterOf } from './sdl.js';
import { upper, type ModulePlan, type PlannedColumn } from './plan.js';

/** The code of the module's resolvers. */
export function printResolvers(plan: ModulePlan): string {
  const { model, many, one, columns, relations } = plan;
  const given = columns.filter(({ isGiven }) => isGiven);
  const filters = columns.filter((column) => filterOf(column).length > 0);
  const orders = columns.filter(({ isSortable }) => isSortable);
  const isListed = relations.filter(({ list }) => list !== undefined);
  const lines = [
    ...(orders.length > 0
      ? [
          `/** What the list can be ordered by. */
           const SORT_KEYS: Readonly<Record<${model}OrderField, SortKey>> = { ${orders.map(({ name }) => `${upper(name)}: sortBy('${model}', '${name}')`).join(', ')} };`,
        ]
      : []),
    ...(orders.length === 0 || isListed.length > 0
      ? [`const NEWEST_FIRST = { key: sortBy('${model}', '${plan.order}'), direction: 'desc' } as const;`]
      : []),
    `const createInput = z.object({ ${given.map((column) => `${column.name}: ${createRule(column)}`).join(', ')} });`,
    `const updateInput = z.object({ id: z.string(), ${[
      ...given.map((column) => `${column.name}: ${changeRule(column)}`),
      ...(plan.hasVersion ? ['expectedVersion: versionInput'] : []),
    ].join(', ')} });`,
    `export const resolvers: Resolvers = {
      Query: {
        ${one}: (_parent, { id }, { db }) => db.${one}.findUnique({ where: db.key(id) }),
        ${many}: async (_parent, ${listArguments(filters, orders)}, context, info) => {
          const page = new Page(args, ${orders.length > 0 ? `{ key: SORT_KEYS[orderBy?.field ?? '${upper(orders.find(({ name }) => name === 'createdAt')?.name ?? orders[0]!.name)}'], direction: orderBy?.direction ?? 'desc' }` : 'NEWEST_FIRST'});
          return listOf<${model}>(context, info, '${model}', page${filters.length > 0 ? ', filter ? conditions(filter) : {}' : ''});
        },
      },
      ${typeResolvers(plan)}
      Mutation: { ${createResolver(plan)} ${updateResolver(plan)} ${deleteResolver(plan)} },
      Subscription: {
        ${one}Changed: changesOf('${model}', {
          payload: async ({ kind, id }, _args, { db }) => {
            if (kind === 'DELETED') return { kind, ${one}Id: id, ${one}: null, deletedId: id };
            const ${one} = await db.${one}.findUnique({ where: db.key(id) });
            return ${one} && { kind, ${one}Id: id, ${one}, deletedId: null };
          },
        }),
      },
    };`,
    ...(filters.length > 0
      ? [
          `function conditions(filter: ${model}Filter) {
            return { ${filters.map(condition).join(', ')} };
          }`,
        ]
      : []),
  ];
  const body = lines.join('\n\n');
  return `${imports(plan, body)}\n\n${body}\n`;
}

const listArguments = (filters: readonly unknown[], orders: readonly unknown[]): string => {
  const own = [...(filters.length > 0 ? ['filter'] : []), ...(orders.length > 0 ? ['orderBy'] : [])];
  return own.length > 0 ? `{ ${own.join(', ')}, ...args }` : 'args';
};

const relationResolver = ({ name, type, key }: ModulePlan['relations'][number]): string =>
  `${name}: ({ ${key} }, _args, { db, loaders }) =>
    rowById(loaders, '${type}', ${key}, (ids) => db.${delegate(type)}.findMany({ where: { id: { in: ids } } }))`;

/** The resolvers of the relations, and of the lists on the related types. A model may refer to itself. */
function typeResolvers({ model, relations }: ModulePlan): string {
  const fields = new Map<string, string[]>();
  const add = (type: string, field: string) => fields.set(type, [...(fields.get(type) ?? []), field]);
  for (const relation of relations) {
    if (relation.guard !== undefined) add(model, relationResolver(relation));
  }
  for (const { type, key, list } of relations) {
    if (list !== undefined) add(type, `${list}: childList<${model}>('${model}', '${key}', NEWEST_FIRST)`);
  }
  return [...fields].map(([type, each]) => `${type}: { ${each.join(', ')} },`).join('\n');
}

/** The fields of an input. Keys of other rows are checked separately. */
function written({ relations, columns }: ModulePlan, from: string): { pattern: string; data: string } {
  const keys = relations
    .map(({ key }) => key)
    .filter((key) => columns.some((each) => each.name === key && each.isGiven));
  return {
    pattern: [...keys, `...${from}`].join(', '),
    data: [`...${from}`, ...keys.map((key) => `${key}: referenceTo(db, ${key})`)].join(', '),
  };
}

function createResolver(plan: ModulePlan): string {
  const { model, one, author } = plan;
  const { pattern, data } = written(plan, 'values');
  const isPlain = pattern === '...values';
  const parse = 'parseInput(createInput, input)';
  return `create${model}: async (_parent, { input }, { db${author === undefined ? '' : ', viewer'} }) => {
    const ${isPlain ? 'values' : `{ ${pattern} }`} = ${parse};
    const ${one} = await db.${one}.create({ data: ${author === undefined ? `given({ ${data} })` : `{ ...given({ ${data} }), ${author}: viewer.userId }`} });
    return { ${one} };
  },`;
}

function updateResolver(plan: ModulePlan): string {
  const { model, one, hasVersion } = plan;
  const { pattern, data } = written(plan, 'values');
  const start = `const { id, ${hasVersion ? 'expectedVersion, ' : ''}${pattern} } = parseInput(updateInput, input);
    ${hasVersion ? 'const { db } = context;' : ''}
    const data = given({ ${data} });
    if (Object.keys(data).length === 0) throw badInput('Say what to change.', 'input');`;
  if (!hasVersion) {
    return `update${model}: async (_parent, { input }, { db }) => {
      ${start}
      return { ${one}: await db.${one}.update({ where: db.key(id), data }) };
    },`;
  }
  return `update${model}: async (_parent, { input }, context, info) => {
    ${start}
    const where = db.key(id);
    const ${one} = await updateExpecting(
      expectedVersion,
      {
        type: '${model}',
        update: (at) => db.${one}.update({ where: { ...where, ...at }, data }),
        find: () => db.${one}.findUnique({ where }),
      },
      context,
      info,
    );
    return { ${one} };
  },`;
}

const deleteResolver = ({
  model,
  one,
}: ModulePlan): string => `  delete${model}: async (_parent, { input }, { db }) => {
    const { id } = await db.${one}.delete({ where: db.key(input.id), select: { id: true } });
    return { deletedId: id };
  },`;

const createRule = (column: PlannedColumn): string =>
  column.isRequired ? ruleOf(column) : changeRule(column);

const changeRule = (column: PlannedColumn): string =>
  column.info.isNullable && column.type !== 'JSON'
    ? `${ruleOf(column)}.nullish()`
    : `optional(${ruleOf(column)})`;

function condition({ name, type, info }: PlannedColumn): string {
  const value = `filter.${name}`;
  const matches = info.isList
    ? `allOf(${value})`
    : info.isEnum
      ? `oneOf(${value})`
      : type === 'String'
        ? `matching(${value})`
        : type === 'Date' || type === 'DateTime'
          ? `within(${value})`
          : ['Int', 'BigInt', 'Decimal', 'Float'].includes(type)
            ? `between(${value})`
            : value;
  return `...(${value} != null && { ${name}: ${matches} })`;
}

const delegate = (model: string): string => model.charAt(0).toLowerCase() + model.slice(1);

/** The imports that the code uses. */
function imports({ model, columns }: ModulePlan, body: string): string {
  const enums = columns.filter(({ info }) => info.isEnum).map(({ info }) => info.type);
  const from: readonly (readonly [file: string, names: readonly string[]])[] = [
    ['zod', ['z']],
    ['../../generated/graphql.js', [`type ${model}Filter`, `type ${model}OrderField`, 'type Resolvers']],
    ['../../generated/prisma/client.js', [...new Set(enums), `type ${model}`]],
    ['../../kernel/graphql/children.js', ['childList']],
    ['../../kernel/graphql/connection.js', ['Page']],
    ['../../kernel/graphql/expected-version.js', ['updateExpecting', 'versionInput']],
    ['../../kernel/graphql/filter.js', ['allOf', 'between', 'matching', 'oneOf', 'within']],
    [
      '../../kernel/graphql/input.js',
      ['decimal', 'given', 'integer', 'jsonValue', 'optional', 'parseInput', 'real', 'text'],
    ],
    ['../../kernel/graphql/list.js', ['listOf']],
    ['../../kernel/graphql/references.js', ['referenceTo', 'rowById']],
    ['../../kernel/graphql/sort-key.js', ['sortBy', 'type SortKey']],
    ['../../kernel/vocabulary/errors.js', ['badInput']],
    ['../../services/subscriptions/changes-of.js', ['changesOf']],
  ];
  const isNamed = (name: string) => new RegExp(`\\b${name.replace('type ', '')}\\b`).test(body);
  return from
    .flatMap(([file, names]) => {
      const used = names.filter(isNamed);
      if (used.length === 0) return [];
      const areTypes = used.every((name) => name.startsWith('type '));
      const list = areTypes ? used.map((name) => name.slice('type '.length)) : used;
      return [`import ${areTypes ? 'type ' : ''}{ ${list.join(', ')} } from '${file}';`];
    })
    .join('\n');
}
