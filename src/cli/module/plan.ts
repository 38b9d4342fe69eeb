/** Plans the module of a model. All written files follow this plan, which is made from the data model. */
import { tenantryCommand } from '../../kernel/config/command-line.js';
import type { FieldInfo, ModelInfo } from '../../kernel/vocabulary/data-model.js';
import { ModuleError } from './module-error.js';
import type { ContractView } from './contract.js';

/** A column that the API shows. */
export interface PlannedColumn {
  readonly name: string;
  readonly info: FieldInfo;
  /** The GraphQL type, without `!`. */
  readonly type: string;
  /** It is in the inputs. Other columns are set by the server or the database. */
  readonly isGiven: boolean;
  /** It must be given: it is not nullable and has no default. */
  readonly isRequired: boolean;
  /** Lists can be ordered by it: a cursor can contain it, and an index has it after the tenant. */
  readonly isSortable: boolean;
  readonly description: string | undefined;
  /** The type whose ids it has, for a column that refers to objects of the API. */
  readonly node: string | undefined;
}

/** A relation to one row of another model. */
export interface PlannedRelation {
  readonly name: string;
  /** The related model, which is also the GraphQL type. */
  readonly type: string;
  /** The field with the related row's id. */
  readonly key: string;
  /** The guard of the type; undefined when the API has no type of that name. */
  readonly guard: string | undefined;
  /** The field of the type that lists this model’s rows: the list’s name in the Prisma models; undefined without one. */
  readonly list: string | undefined;
}

export interface ModulePlan {
  readonly model: string;
  readonly info: ModelInfo;
  readonly area: string;
  /** `invoice`, `lineItem` */
  readonly one: string;
  /** `invoices`, `lineItems` */
  readonly many: string;
  /** `line-item` */
  readonly file: string;
  /** `invoices`, `line_items`: the first part of the permissions' names. */
  readonly resource: string;
  readonly columns: readonly PlannedColumn[];
  readonly relations: readonly PlannedRelation[];
  /** The enums that are missing in the schema, with their values. */
  readonly enums: Readonly<Record<string, readonly string[]>>;
  readonly hasVersion: boolean;
  /** Plans can limit the number of rows, as the resource `many`. */
  readonly hasQuota: boolean;
  /** The column with the caller’s user id, set when a row is created. */
  readonly author: string | undefined;
  readonly order: string;
  /** The fields that are left out, each with the reason. */
  readonly leftOut: readonly string[];
}

export interface PlanInput {
  readonly model: string;
  readonly area: string;
  readonly models: Readonly<Record<string, ModelInfo>>;
  readonly enums: Readonly<Record<string, readonly string[]>>;
  readonly contract: ContractView;
  /** How lists are ordered by the field, or the reason why they cannot be. */
  readonly kindOf: (info: FieldInfo) => object | string;
  readonly namesSecret: (name: string) => boolean;
  readonly hasQuota?: boolean;
  /** The related models that the API does not show. */
  readonly without?: readonly string[];
}

const SCALARS: Readonly<Record<string, string>> = {
  String: 'String',
  Int: 'Int',
  BigInt: 'BigInt',
  Float: 'Float',
  Boolean: 'Boolean',
  Decimal: 'Decimal',
  DateTime: 'DateTime',
  Json: 'JSON',
};

const AUTHORS = ['userId', 'createdBy', 'authorId', 'ownerId'];

/** How a model and the list of its rows are called. */
export interface ModelNames {
  /** `lineItem` */
  readonly one: string;
  /** `lineItems` */
  readonly many: string;
  /** `line_items` */
  readonly resource: string;
}

/** @param table the database’s name of its table */
export function namesOf(model: string, table: string): ModelNames {
  const resource = /^[a-z]/.test(table) ? table : plural(snake(model));
  return { one: uncapitalized(model), many: camel(resource), resource };
}

/**
 * @throws ModuleError when the model is not tenant-scoped, the schema already has a type of that name, or the API has no
 * type yet of a model that it refers to
 */
export function planModule(input: PlanInput): ModulePlan {
  const { model, area, models, contract } = input;
  const info = models[model];
  if (!info) throw new ModuleError(`There is no model ${model}.`);
  const names = namesOf(model, info.table);
  if (!isTenants(info)) {
    throw new ModuleError(
      `${model} is no model of a tenant’s: it needs tenantId and id of type @db.Uuid and @@id([tenantId, id]) (docs/add-a-model.md).`,
    );
  }
  if (contract.hasType(model)) throw new ModuleError(`The schema has a type ${model} already.`);
  const leftOut: string[] = [];
  const relations = relationsOf(input, info, { names, leftOut });
  const author = AUTHORS.find(
    (name) => info.fields[name]?.type === 'String' && !relations.some(({ key }) => key === name),
  );
  const columns = columnsOf(input, info, { relations, author, leftOut });
  const enums = Object.fromEntries(
    columns
      .filter((column) => column.info.isEnum && !contract.hasType(column.info.type))
      .map((column) => [column.info.type, input.enums[column.info.type] ?? []]),
  );
  const createdAt = columns.find(({ name, isSortable }) => name === 'createdAt' && isSortable);
  return {
    model,
    info,
    area,
    ...names,
    file: snake(model).replaceAll('_', '-'),
    columns,
    relations,
    enums,
    hasVersion: info.fields['version']?.type === 'Int',
    hasQuota: input.hasQuota === true,
    author,
    order: createdAt?.name ?? 'id',
    leftOut: [...new Set(leftOut)],
  };
}

/** Whether it is a model whose rows belong to tenants, in the form that a module needs. */
const isTenants = ({ fields, keys }: ModelInfo): boolean =>
  fields['tenantId']?.native?.[0] === 'Uuid' &&
  fields['id']?.native?.[0] === 'Uuid' &&
  keys.some((key) => key.fields.join() === 'tenantId,id');

/** The guard of the fields that read the module’s rows. */
export const readGuard = ({ resource }: Pick<ModelNames, 'resource'>): string =>
  `@requires(permission: ${resource.toUpperCase()}_READ)`;

function relationsOf(
  input: PlanInput,
  { fields }: ModelInfo,
  { names, leftOut }: { readonly names: ModelNames; readonly leftOut: string[] },
): PlannedRelation[] {
  const { model, models, contract } = input;
  return Object.entries(fields).flatMap(([name, { type, relation }]): PlannedRelation[] => {
    const key = relation?.fields.find((field) => field !== 'tenantId');
    if (key === undefined || type === 'Tenant') return [];
    const guard = type === model ? readGuard(names) : contract.guardOf(type);
    if (guard === undefined) {
      refuseToForget(input, type);
      leftOut.push(`${name}: the API has no type ${type}`);
      return [{ name, type, key, guard, list: undefined }];
    }
    const lists = Object.entries(models[type]?.fields ?? {}).filter(
      ([, each]) => each.type === model && each.relation?.fields.length === 0,
    );
    const [list, info] = lists[0] ?? [names.many, undefined];
    const reason = ((): string | undefined => {
      if (relation!.references[relation!.fields.indexOf(key)] !== 'id')
        return `${name} does not refer to an id`;
      if (lists.length > 1) return `more than one relation of ${model} leads to it`;
      if (info?.isList !== true) return 'it is one row at most';
      return contract.hasField(type, list) ? 'the type has such a field already' : undefined;
    })();
    if (reason !== undefined)
      leftOut.push(`${type}.${lists.map(([each]) => each).join(' and ') || list}: ${reason}`);
    return [{ name, type, key, guard, list: reason === undefined ? list : undefined }];
  });
}

/**
 * A related model without a type would have no list of these rows, and plain UUIDs instead of ids: this is right only where
 * somebody has said so.
 */
function refuseToForget({ model, models, without = [] }: PlanInput, related: string): void {
  const info = models[related];
  if (!info || info.isOfPlatform || !isTenants(info) || without.includes(related)) return;
  const command = tenantryCommand('module new');
  throw new ModuleError(
    `${model} refers to ${related}, which has no type in the API yet. Write its module first: ${command} ${related}\n` +
      `If the API shall not show ${related}: ${command} ${model} --without ${related}`,
  );
}

interface Known {
  readonly relations: readonly PlannedRelation[];
  readonly author: string | undefined;
  readonly leftOut: string[];
}

function columnsOf(
  input: PlanInput,
  info: ModelInfo,
  { relations, author, leftOut }: Known,
): PlannedColumn[] {
  return Object.entries(info.fields).flatMap(([name, field]): PlannedColumn[] => {
    if (field.relation || name === 'tenantId') return [];
    const isNeeded = !field.isNullable && !field.isList && field.byDefault === undefined;
    const leaveOut = (reason: string) => {
      leftOut.push(`${name}: ${reason}${isNeeded ? `; create${input.model} has to set it` : ''}`);
      return [];
    };
    if (input.namesSecret(name)) return leaveOut('its name speaks of a secret');
    const relation = relations.find(({ key }) => key === name);
    const isKey = name === 'id' || name === author || relation !== undefined;
    const isNode =
      relation?.guard !== undefined &&
      (relation.type === input.model || input.contract.isNode(relation.type));
    const node = isNode ? relation.type : undefined;
    // Ids without a type of the API are not checked before the database reads them; UUIDs are.
    const isUuid = relation !== undefined && node === undefined && field.native?.[0] === 'Uuid';
    const scalar = isKey && !isUuid ? 'ID' : typeOf(field);
    if (scalar === undefined) return leaveOut(`the API has no type for ${declared(field)}`);
    const isMade = field.byDefault !== undefined && field.byDefault !== 'value';
    const isGiven = name !== 'id' && name !== author && name !== 'version' && !isMade;
    const sorted = [...info.keys.map(({ fields }) => fields), ...info.indexes];
    const isIndexed = sorted.some((fields) => fields[0] === 'tenantId' && fields[1] === name);
    return [
      {
        name,
        info: field,
        type: field.isList ? `[${scalar}!]` : scalar,
        isGiven,
        isRequired: isGiven && isNeeded,
        isSortable: !isKey && isIndexed && typeof input.kindOf(field) === 'object',
        description: field.documentation,
        node,
      },
    ];
  });
}

/** The type of a field as the Prisma models write it. */
const declared = ({ type, isList, native }: FieldInfo): string =>
  `${type}${isList ? '[]' : ''}${native === undefined ? '' : ` @db.${native[0]!}`}`;

function typeOf({ type, isEnum, isList, native = [] }: FieldInfo): string | undefined {
  if (isEnum) return type;
  if (isList && type !== 'String') return undefined;
  if (type === 'DateTime' && native[0] === 'Date') return 'Date';
  if (type === 'DateTime' && (native[0] === 'Time' || native[0] === 'Timetz')) return undefined;
  if (type === 'String' && native[0] === 'Uuid') return 'UUID';
  return SCALARS[type];
}

const uncapitalized = (name: string) => name.charAt(0).toLowerCase() + name.slice(1);
/** `invoiceLine` as `InvoiceLine`. */
export const capitalized = (name: string) => name.charAt(0).toUpperCase() + name.slice(1);
const snake = (name: string) => name.replace(/(?<=[a-z\d])(?=[A-Z])/g, '_').toLowerCase();
const camel = (name: string) =>
  name.replace(/_+([a-z\d])/g, (_match, letter: string) => letter.toUpperCase());
/** `invoiceLine` as `INVOICE_LINE`. */
export const upper = (name: string) => snake(name).toUpperCase();

function plural(word: string): string {
  if (/[^aeiou]y$/.test(word)) return `${word.slice(0, -1)}ies`;
  return /(s|x|z|ch|sh)$/.test(word) ? `${word}es` : `${word}s`;
}
