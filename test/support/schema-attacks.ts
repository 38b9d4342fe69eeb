/** Attacks that the schema itself lists: so that none is forgotten when a field is added. */
import { randomUUID } from 'node:crypto';
import {
  getNamedType,
  GraphQLID,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
  isObjectType,
  isRequiredInputField,
  type GraphQLField,
  type GraphQLInputType,
  type GraphQLObjectType,
} from 'graphql';
import { ROLES } from '../../src/access/permissions.js';
import { buildApi } from '../../src/graphql/schema.js';
import type { Module } from '../../src/graphql/module.js';
import { post, type Attack, type AttackSection, type Target } from './attack.js';
import type { TestDatabase } from './database.js';

/** For each root field that takes an id: makes a row of the tenant globex. */
export type ForeignIds = Readonly<Record<string, (database: TestDatabase) => Promise<string>>>;

/** Every mutation that demands a permission, as each role that does not have it. */
export function roleRefusals(modules: readonly Module[]): AttackSection {
  const { schema, guards, roles } = buildApi(modules);
  const mutation = schema.getMutationType();
  const attacks = fieldsOf(mutation).flatMap((field) => {
    const permission = guards.get(`Mutation.${field.name}`);
    if (permission == null) return [];
    const refused = ROLES.filter((role) => !roles.of(role).has(permission));
    return refused.map((role) => ({
      on: `Mutation.${field.name}`,
      attack: `as ${role}, without \`${permission}\``,
      status: 200,
      code: 'FORBIDDEN',
      send: (target: Target) => post(target, call('mutation', field), { user: role }),
    }));
  });
  return { title: 'Roles', about: 'The resolver is not called: nothing is read or written.', attacks };
}

/** Every root field that takes an id, with one of another tenant: answered in the same words as one that never was. */
export function foreignIds(modules: readonly Module[], rows: ForeignIds): AttackSection {
  const { schema } = buildApi(modules);
  const attacks = (['query', 'mutation'] as const).flatMap((operation) => {
    const type = operation === 'query' ? schema.getQueryType() : schema.getMutationType();
    return fieldsOf(type).flatMap((field): Attack[] => {
      const paths = field.args.flatMap((argument) => idsIn(argument.name, argument.type));
      return paths.map((path) => {
        const coordinate = `${type!.name}.${field.name}`;
        const makeRow = rows[coordinate];
        if (!makeRow) throw new Error(`${coordinate} takes an id: say which row of another tenant to try`);
        const ask = (target: Target, id: string) => post(target, call(operation, field, { path, id }));
        return {
          on: coordinate,
          attack: `the id of another tenant’s object in \`${path}\``,
          status: 200,
          ...(operation === 'mutation' && { code: 'NOT_FOUND' }),
          send: async (target) => ask(target, await makeRow(target.database)),
          control: (target) => ask(target, randomUUID()),
        };
      });
    });
  });
  return {
    title: 'Ids of other tenants',
    about: 'Answered in the same words as an id that nobody has; nothing is read or written.',
    attacks,
  };
}

const fieldsOf = (type: GraphQLObjectType | null | undefined) => Object.values(type?.getFields() ?? {});

/** The paths of the ids in an input, `input.membershipId`. */
function idsIn(path: string, type: GraphQLInputType): string[] {
  const named = getNamedType(type);
  if (named === GraphQLID) return [path];
  if (!isInputObjectType(named)) return [];
  return Object.values(named.getFields()).flatMap((field) => idsIn(`${path}.${field.name}`, field.type));
}

/** A call with an acceptable value for everything that is required, and for the id in question. */
function call(
  operation: 'query' | 'mutation',
  field: GraphQLField<unknown, unknown>,
  given?: { readonly path: string; readonly id: string },
) {
  const needed = field.args.filter(
    ({ type, name }) => isNonNullType(type) || given?.path.split('.')[0] === name,
  );
  const variables = Object.fromEntries(needed.map(({ name, type }) => [name, valueOf(type, name, given)]));
  const declared = needed.map(({ name, type }) => `$${name}: ${String(type)}`).join(', ');
  const passed = needed.map(({ name }) => `${name}: $${name}`).join(', ');
  const selection = selectionOf(field);
  return {
    query: `${operation} ${declared && `(${declared})`} { ${field.name}${passed && `(${passed})`} ${selection} }`,
    variables,
  };
}

function valueOf(
  type: GraphQLInputType,
  path: string,
  given: { readonly path: string; readonly id: string } | undefined,
): unknown {
  if (isNonNullType(type)) return valueOf(type.ofType, path, given);
  if (isListType(type)) return [valueOf(type.ofType, path, given)];
  if (isEnumType(type)) return type.getValues().at(-1)!.name;
  if (isInputObjectType(type)) {
    const fields = Object.values(type.getFields()).filter(
      (each) => isRequiredInputField(each) || given?.path === `${path}.${each.name}`,
    );
    const optionalText = Object.values(type.getFields()).filter(
      (each) => given && !fields.includes(each) && ['body', 'name'].includes(each.name),
    );
    return Object.fromEntries(
      [...fields, ...optionalText].map((each) => [
        each.name,
        valueOf(each.type, `${path}.${each.name}`, given),
      ]),
    );
  }
  if (type === GraphQLID) return given?.id ?? randomUUID();
  return { DateTime: '2024-01-01T00:00:00.000Z', Int: 1, Boolean: true, JSONObject: {} }[type.name] ?? 'text';
}

/** What can be counted, or else any field: enough to see whether there is something. */
function selectionOf(field: GraphQLField<unknown, unknown>): string {
  const type = getNamedType(field.type);
  if (!isObjectType(type)) return '';
  const { totalCount, nodes } = type.getFields();
  return totalCount && nodes ? '{ totalCount nodes { id } }' : '{ __typename }';
}
