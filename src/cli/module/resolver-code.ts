/** The resolvers of a module, as code that its owner edits. */
import { filterOf } from './sdl.js';
import { upper, type ModulePlan, type PlannedColumn } from './plan.js';

/** The code of the module's resolvers. */
export function printResolvers(plan: ModulePlan): string {
  const { model, many, one, columns, relations } = plan;
  const given = columns.filter(({ isGiven }) => isGiven);
  const filters = columns.filter((column) => filterOf(column).length > 0);
  const orders = columns.filter(({ isSortable }) => isSortable);
  const isListed = relations.filter(({ hasOtherSide }) => hasOtherSide);
  const shown = relations.filter(({ guard }) => guard !== undefined);
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
      ${shown.length > 0 ? `${model}: { ${shown.map(relationResolver).join(', ')} },` : ''}
      ${isListed.map((relation) => otherSide(plan, relation)).join('')}
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

const otherSide = (
  { model, many }: ModulePlan,
  { type, key }: ModulePlan['relations'][number],
): string => `${type}: {
    ${many}: childList<${model}>('${model}', '${key}', NEWEST_FIRST),
  },`;

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

/** The check of what GraphQL's types do not express. */
function ruleOf({ type, info }: PlannedColumn): string {
  const [native, first, second] = info.native ?? [];
  if (info.isList) return 'z.array(text(1, 255)).max(100)';
  if (info.isEnum) return `z.enum(${info.type})`;
  switch (type) {
    case 'String':
      return `text(${info.isNullable ? '0' : '1'}, ${native === 'VarChar' ? (first ?? '255') : '10_000'})`;
    case 'Int':
      return 'z.number().int()';
    case 'Float':
      return 'z.number()';
    case 'BigInt':
      return 'z.bigint()';
    case 'Decimal':
      return `decimal(${first ?? '65'}, ${second ?? '30'})`;
    case 'Boolean':
      return 'z.boolean()';
    case 'Date':
    case 'DateTime':
      return 'z.date()';
    case 'JSON':
      return 'jsonValue(16 * 1_024)';
    default:
      return 'z.string()';
  }
}

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
    ['../../kernel/graphql/input.js', ['decimal', 'given', 'jsonValue', 'optional', 'parseInput', 'text']],
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
