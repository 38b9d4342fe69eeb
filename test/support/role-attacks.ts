/** Every mutation by every role that may not use it. The mutations come from the schema, so none is forgotten. */
import { getNamedType, isNonNullType, isObjectType, type GraphQLField } from 'graphql';
import { ROLES } from '../../src/kernel/vocabulary/permissions.js';
import { buildApi } from '../../src/kernel/graphql/schema.js';
import type { Module } from '../../src/kernel/graphql/module.js';
import { sampleOf } from './derived-arguments.js';
import { post, type AttackSection, type Target } from './attack.js';

/** The attacks of each role with every mutation whose permission it lacks. */
export function roleRefusals(modules: readonly Module[]): AttackSection {
  const { schema, guards, roles } = buildApi(modules);
  const attacks = Object.values(schema.getMutationType()?.getFields() ?? {}).flatMap((field) => {
    const permission = guards.get(`Mutation.${field.name}`);
    if (permission == null) return [];
    const refused = ROLES.filter((role) => !roles.of(role).has(permission));
    return refused.map((role) => ({
      on: `Mutation.${field.name}`,
      attack: `as ${role}, without \`${permission}\``,
      status: 200,
      code: 'FORBIDDEN',
      send: (target: Target) => post(target, call(field), { user: role }),
    }));
  });
  return { title: 'Roles', about: 'The resolver is not called: nothing is read or written.', attacks };
}

/** A call with a valid value for every required argument. */
function call(field: GraphQLField<unknown, unknown>) {
  const needed = field.args.filter(({ type }) => isNonNullType(type));
  const variables = Object.fromEntries(needed.map(({ name, type }) => [name, sampleOf(type, name)]));
  const declared = needed.map(({ name, type }) => `$${name}: ${String(type)}`).join(', ');
  const passed = needed.map(({ name }) => `${name}: $${name}`).join(', ');
  const selection = isObjectType(getNamedType(field.type)) ? '{ __typename }' : '';
  return {
    query: `mutation ${declared && `(${declared})`} { ${field.name}${passed && `(${passed})`} ${selection} }`,
    variables,
  };
}
