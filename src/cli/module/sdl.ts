/** The part of the GraphQL schema that the module of a model adds. */
import { readGuard, upper, type ModulePlan, type PlannedColumn } from './plan.js';

const PAGE = 'first: Int, after: String, last: Int, before: String';

/** The module's part of the GraphQL schema. */
export function printSdl(plan: ModulePlan): string {
  const { model, many, one, resource } = plan;
  const read = readGuard(plan);
  const write = `@requires(permission: ${resource.toUpperCase()}_WRITE)`;
  const filters = plan.columns.flatMap(filterOf);
  const orders = plan.columns.filter(({ isSortable }) => isSortable);
  const listArguments = [
    ...(filters.length > 0 ? [`filter: ${model}Filter`] : []),
    ...(orders.length > 0 ? [`orderBy: ${model}Order`] : []),
  ].join(', ');
  const parts = [
    `extend enum Permission { ${resource.toUpperCase()}_READ ${resource.toUpperCase()}_WRITE }`,
    ...Object.entries(plan.enums).map(([name, values]) => enumOf(plan, name, values)),
    `${described(`${article(words(one))} of the tenant.`)}type ${model} implements Node ${read} {
      ${[...plan.columns.map((column) => fieldOf(plan, column)), ...plan.relations.flatMap(relationOf)].join('\n')}
    }`,
    `type ${model}Connection ${read} { nodes: [${model}!]! edges: [${model}Edge!]! pageInfo: PageInfo! totalCount: Int! }`,
    `type ${model}Edge ${read} { node: ${model}! cursor: String! }`,
    ...(filters.length > 0 ? [`input ${model}Filter { ${filters.join('\n')} }`] : []),
    ...orderTypes(model, orders),
    `extend type Query {
      "One ${words(one)}; null when there is none with this id."
      ${one}(id: ID! ${idOf(model)}): ${model} ${read}
      "The ${words(many)} of this tenant${orderOf(orders)}."
      ${many}(${PAGE} ${listArguments}): ${model}Connection ${read}
    }`,
    ...plan.relations.flatMap(({ type, list }) =>
      list === undefined
        ? []
        : [
            `extend type ${type} {
               "The newest first."
               ${list}(${PAGE}): ${model}Connection ${read}
             }`,
          ],
    ),
    ...mutations(plan, read, write),
    `"What happened to ${article(words(one)).toLowerCase()}."
     type ${model}Change ${read} {
       kind: ChangeKind!
       "The id of the ${words(one)}."
       ${one}Id: ID! ${idOf(model)}
       "As it is now; null when it was deleted."
       ${one}: ${model}
       "The same id when it was deleted, else null."
       deletedId: ID ${idOf(model)}
     }`,
    `extend type Subscription {
      "Every change of one of this tenant’s ${words(many)}."
      ${one}Changed: ${model}Change ${read}
    }`,
  ];
  return parts.join('\n\n');
}

function mutations(plan: ModulePlan, read: string, write: string): string[] {
  const { model, one, columns, hasVersion, hasQuota } = plan;
  const given = columns.filter(({ isGiven }) => isGiven);
  const create = given.map((column) => inputOf(plan, column, column.isRequired));
  const change = given.map((column) => inputOf(plan, column, false));
  const version = hasVersion ? ['expectedVersion: Int'] : [];
  const name = article(words(one)).toLowerCase();
  return [
    `input Create${model}Input { ${create.join('\n')} }`,
    `type Create${model}Payload ${write} { ${one}: ${model} ${read} }`,
    `"What is left out stays as it is."
     input Update${model}Input { id: ID! ${idOf(model)} ${[...change, ...version].join('\n')} }`,
    `type Update${model}Payload ${write} { ${one}: ${model} ${read} }`,
    `input Delete${model}Input { id: ID! ${idOf(model)} }`,
    `type Delete${model}Payload ${write} { deletedId: ID! ${idOf(model)} }`,
    `extend type Mutation {
      "Creates ${name}."
      create${model}(input: Create${model}Input!): Create${model}Payload ${write}
        @errors(codes: [BAD_USER_INPUT, NOT_FOUND, ${hasQuota ? 'QUOTA_EXCEEDED, ' : ''}CONFLICT])
      "Changes ${name}. What is left out stays as it is."
      update${model}(input: Update${model}Input!): Update${model}Payload ${write}
        @errors(codes: [BAD_USER_INPUT, NOT_FOUND, CONFLICT])
      "Deletes ${name}."
      delete${model}(input: Delete${model}Input!): Delete${model}Payload ${write}
        @errors(codes: [BAD_USER_INPUT, NOT_FOUND, CONFLICT])
    }`,
  ];
}

function orderOf(orders: readonly PlannedColumn[]): string {
  if (orders.length === 0) return ', the newest first';
  const isByTime = orders.some(({ name }) => name === 'createdAt');
  return isByTime ? ', the newest first unless `orderBy` says otherwise' : ', as `orderBy` says';
}

const orderTypes = (model: string, orders: readonly PlannedColumn[]): string[] => {
  if (orders.length === 0) return [];
  const names = orders.map(({ name }) => upper(name));
  const first = names.includes('CREATED_AT') ? 'CREATED_AT' : names[0]!;
  return [
    `"Each of these has an index that starts with the tenant."
     enum ${model}OrderField { ${names.join(' ')} }`,
    `input ${model}Order { field: ${model}OrderField! = ${first} direction: OrderDirection! = DESC }`,
  ];
};

const described = (description: string): string => `${JSON.stringify(description.replaceAll('\n', ' '))}\n`;

/** The documentation of a column in the Prisma models, or what its name says. */
function descriptionOf({ one, author }: ModulePlan, column: PlannedColumn): string {
  const { name, type, description } = column;
  if (description !== undefined) return description;
  if (name === author) return 'The `userId` of the member who created it.';
  const noun = words(name).replace(/ id$/, '');
  if (type === 'ID' || (type === 'UUID' && name.endsWith('Id'))) return `The id of the ${noun}.`;
  return sayingWhatItIs(column) ?? `The ${noun} of the ${words(one)}.`;
}

/** The description of a column whose name is no noun: `dueOn`, `expiresAt`, `isPaid`. */
function sayingWhatItIs({ name, type }: PlannedColumn): string | undefined {
  const [, start = '', end = ''] = /^([a-z]\w*?)(At|On|By|From|Until)$/.exec(name) ?? [];
  const what = words(start);
  if (type === 'Boolean') {
    const [, verb = 'is', rest = name] = /^(is|has|can|was)(?=[A-Z])(\w+)$/.exec(name) ?? [];
    return `Whether it ${verb} ${words(rest)}.`;
  }
  if (end === 'By') return `By whom it was ${what}.`;
  if (end === '' || !['Date', 'DateTime'].includes(type)) return undefined;
  if (end === 'From' || end === 'Until') return `${end} when it is ${what}.`;
  // `startsAt`, `endsOn`
  if (what.endsWith('s')) return `When it ${what}.`;
  return end === 'On' ? `The day it is ${what}.` : `When it was ${what}.`;
}

/** Names of columns that the kernel describes. */
const SHARED: ReadonlySet<string> = new Set(['id', 'createdAt', 'updatedAt', 'version']);

const fieldOf = (plan: ModulePlan, column: PlannedColumn): string => {
  const { name, type, info, description } = column;
  const text = SHARED.has(name) && description === undefined ? '' : described(descriptionOf(plan, column));
  return `${text}${name}: ${type}${info.isNullable ? '' : '!'} ${refersTo(column)}`;
};

const relationOf = ({ name, type, guard }: ModulePlan['relations'][number]): string[] =>
  guard === undefined ? [] : [`${described(`The ${words(name)}.`)}${name}: ${type} ${guard}`];

const inputOf = (plan: ModulePlan, column: PlannedColumn, isRequired: boolean): string =>
  `${described(descriptionOf(plan, column))}${column.name}: ${column.type}${isRequired ? '!' : ''} ${refersTo(column)}`;

function enumOf({ one, columns }: ModulePlan, name: string, values: readonly string[]): string {
  const column = columns.find(({ info }) => info.type === name)?.name ?? name;
  const described = values.map(
    (value) => `"${sentence(value.toLowerCase().replaceAll('_', ' '))}." ${value}`,
  );
  return `"The values of the ${words(column)} of ${article(words(one)).toLowerCase()}." enum ${name} { ${described.join('\n')} }`;
}

const sentence = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** The words with an indefinite article: `An invoice`. */
const article = (noun: string): string => `${/^[aeiou]/.test(noun) ? 'An' : 'A'} ${noun}`;

/** The filters of a column. Long texts have none: use a search (docs/search.md). */
export function filterOf(column: PlannedColumn): string[] {
  const { name, type, info } = column;
  if (name === 'id' || name === 'version' || type === 'JSON') return [];
  if (info.isList) return info.isEnum ? [] : [`"All of these."\n${name}: ${type}`];
  if (info.isEnum) return [`"One of these."\n${name}: [${type}!]`];
  if (type === 'String') return info.native?.[0] === 'VarChar' ? [`${name}: TextFilter`] : [];
  const ranges = ['Int', 'BigInt', 'Decimal', 'Float', 'Date', 'DateTime'];
  return [`${name}: ${ranges.includes(type) ? `${type}Range` : type} ${refersTo(column)}`];
}

const idOf = (type: string): string => `@id(of: "${type}")`;

const refersTo = ({ node }: PlannedColumn): string => (node === undefined ? '' : idOf(node));

const words = (name: string): string => name.replace(/(?<=[a-z\d])(?=[A-Z])/g, ' ').toLowerCase();
