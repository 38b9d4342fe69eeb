/**
 * Puts graphql-shield in front of the resolvers, with the rules that the schema's directives and the modules ask
 * for. Its defaults are turned round: what has no rule is denied, a resolver's own error passes through, and a rule
 * that throws refuses. `not` must never be used: shield grants when the rule inside it throws.
 */
import { createRequire } from 'node:module';
import type * as Shield from 'graphql-shield';
import type * as Middleware from 'graphql-middleware';
import {
  defaultFieldResolver,
  type GraphQLField,
  type GraphQLFieldResolver,
  type GraphQLObjectType,
  type GraphQLSchema,
} from 'graphql';
import { forbidden, publicError, PublicError } from '../vocabulary/errors.js';
import type { RequestContext } from './request-context.js';
import { isGuardedByItsType, objectTypes, type Guard, type Guards } from '../access/guards.js';
import { demandsOfArguments, takesGuardedInput, type InputGuards } from '../access/input-guards.js';
import type { Permission } from '../vocabulary/permissions.js';

type Rule = ReturnType<ReturnType<typeof Shield.rule>>;

/** Rules that look at data, by coordinate (`Mutation.updateConversation`). Each holds beside the field's directive. */
export type DataRules = Readonly<Record<string, Rule>>;

// graphql-shield's ES modules import a function that Node removed in version 23; its CommonJS build loads
// everywhere. In it, `chain` and `race` still call that function: combine with `and`. Its middleware is recognised
// by the CommonJS build of graphql-middleware only.
const require = createRequire(import.meta.url);
const { shield, rule, allow, deny, and } = require('graphql-shield') as typeof Shield;
const { applyMiddleware } = require('graphql-middleware') as typeof Middleware;

/**
 * Makes a rule of a module, to be listed in its `rules`. `check` answers true, or the error the caller is to see. When
 * it throws, the field is refused: with the public error it threw, or else as forbidden, and logged. The name is unique
 * in the schema.
 */
export const dataRule = <Args>(
  name: string,
  check: (
    args: Args,
    context: RequestContext,
    parent: unknown,
  ) => true | PublicError | Promise<true | PublicError>,
): Rule =>
  rule(name, { cache: 'no_cache' })(async (parent: unknown, args: Args, context: RequestContext) => {
    try {
      return await check(args, context, parent);
    } catch (error) {
      const known = publicError(error);
      if (!known) context.log.error({ err: error, rule: name }, 'a rule failed');
      return known ?? REFUSED;
    }
  });

const REFUSED = new PublicError('FORBIDDEN', 'You may not do this.', { requires: 'rule' });

/**
 * Guards the schema.
 *
 * @throws Error when a rule names a field that is not in the schema, and when a subscription field has no events.
 */
export function guardSchema(
  schema: GraphQLSchema,
  { guards, inputGuards }: { readonly guards: Guards; readonly inputGuards: InputGuards },
  dataRules: DataRules,
): GraphQLSchema {
  const permissionRules = new Map<Permission, Rule>();
  const permissionRule = (permission: Permission) => {
    const made = permissionRules.get(permission) ?? holds(permission);
    permissionRules.set(permission, made);
    return made;
  };
  const inputRules = rulesOfInputs(schema, inputGuards);
  const ruleFor = (guard: Guard, coordinate: string) => {
    const rules = [
      guard === null ? undefined : permissionRule(guard),
      inputRules.get(coordinate),
      dataRules[coordinate],
    ].filter((each) => each !== undefined);
    return rules.length > 1 ? and(...rules) : (rules[0] ?? allow);
  };

  const stray = Object.keys(dataRules).find((coordinate) => !guards.has(coordinate));
  if (stray) throw new Error(`a rule names ${stray}, which is not in the schema`);

  const tree: Record<string, Record<string, ReturnType<typeof ruleFor>>> = {};
  for (const [coordinate, guard] of guards) {
    const [type, field] = coordinate.split('.') as [string, string];
    (tree[type] ??= {})[field] = ruleFor(guard, coordinate);
  }
  const middleware = shield(tree, {
    allowExternalErrors: true,
    fallbackRule: deny,
    fallbackError: REFUSED,
  });
  const guarded = applyMiddleware(schema, middleware);
  guardSubscriptions(schema, guarded, middleware.generate(schema) as GeneratedMiddleware);
  unwrap(schema, guarded, (type, field) => {
    const coordinate = `${type.name}.${field.name}`;
    const isOpen = guards.get(coordinate) === null || isGuardedByItsType(type, field);
    return isOpen && !inputRules.has(coordinate) && !dataRules[coordinate];
  });
  return guarded;
}

/** A permission, as a rule. The error is made once: graphql-js copies it when it adds the path. */
function holds(permission: Permission): Rule {
  const refusal = forbidden(permission);
  return rule(`holds ${permission}`, { cache: 'no_cache' })(
    (_parent: unknown, _args: unknown, { viewer }: RequestContext) =>
      viewer.permissions.has(permission) || refusal,
  );
}

/** For each field that takes guarded input: whoever calls it holds what its arguments demand. */
function rulesOfInputs(schema: GraphQLSchema, guards: InputGuards): ReadonlyMap<string, Rule> {
  const rules = new Map<string, Rule>();
  for (const type of objectTypes(schema)) {
    for (const { name, args: declared } of Object.values(type.getFields())) {
      const coordinate = `${type.name}.${name}`;
      if (!takesGuardedInput(coordinate, declared, guards)) continue;
      const check = (_parent: unknown, args: Record<string, unknown>, { viewer }: RequestContext) => {
        for (const permission of demandsOfArguments(coordinate, declared, args, guards)) {
          if (!viewer.permissions.has(permission)) return forbidden(permission);
        }
        return true;
      };
      rules.set(coordinate, rule(`may give the inputs of ${coordinate}`, { cache: 'no_cache' })(check));
    }
  }
  return rules;
}

type Check = (
  resolve: GraphQLFieldResolver<unknown, unknown>,
  ...of: Parameters<GraphQLFieldResolver<unknown, unknown>>
) => unknown;

/** What shield makes of the rules, by type and field; an object when a rule is put together from others. */
type GeneratedMiddleware = Readonly<
  Record<string, Readonly<Record<string, Check | { readonly resolve: Check }>>>
>;

/**
 * A subscription field is asked twice: for its events, and for what to make of each. graphql-middleware puts shield in
 * front of one of them, and it is the wrong one to be alone: of a field that has both, `subscribe` is left open. Here
 * both are guarded.
 */
function guardSubscriptions(
  original: GraphQLSchema,
  guarded: GraphQLSchema,
  middleware: GeneratedMiddleware,
): void {
  const type = guarded.getSubscriptionType();
  for (const field of Object.values(type?.getFields() ?? {})) {
    const own = original.getSubscriptionType()?.getFields()[field.name];
    const generated = middleware[type!.name]?.[field.name];
    if (!own?.subscribe || !generated)
      throw new Error(`${type!.name}.${field.name} has no subscribe function`);
    const check = typeof generated === 'function' ? generated : generated.resolve;
    const behind =
      (resolve: GraphQLFieldResolver<unknown, unknown>): GraphQLFieldResolver<unknown, unknown> =>
      (...of) =>
        check(resolve, ...of);
    field.subscribe = behind(own.subscribe);
    field.resolve = behind(own.resolve ?? defaultFieldResolver);
  }
}

/**
 * Shield wraps every field of every type in asynchronous calls, which costs more than resolving a list does. A field
 * that has nothing left to check gets its own resolver back: any member may read it, or it demands what its type does,
 * and so whoever holds an object of that type has passed the same guard on the way (`readGuards` sees to that).
 */
function unwrap(
  original: GraphQLSchema,
  guarded: GraphQLSchema,
  hasNothingToCheck: (type: GraphQLObjectType, field: GraphQLField<unknown, unknown>) => boolean,
): void {
  for (const type of objectTypes(guarded)) {
    const originalFields = objectTypes(original)
      .find(({ name }) => name === type.name)
      ?.getFields();
    for (const field of Object.values(type.getFields())) {
      if (!hasNothingToCheck(type, field)) continue;
      const own = originalFields?.[field.name];
      if (own?.resolve) field.resolve = own.resolve;
      else delete field.resolve;
      if (own?.subscribe) field.subscribe = own.subscribe;
    }
  }
}
