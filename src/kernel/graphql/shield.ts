/**
 * Guards the resolvers with graphql-shield, with the rules of the schema's directives and the modules. Unlike shield's
 * defaults, fields without a rule are denied, errors of resolvers are passed on, and a rule that throws refuses. `not`
 * must never be used: shield grants when the rule inside it throws.
 */
import { createRequire } from 'node:module';
import type * as Shield from 'graphql-shield';
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

/**
 * Rules that look at data, by coordinate (`Mutation.updateConversation`). Each applies in addition to the field's
 * directive.
 */
export type DataRules = Readonly<Record<string, Rule>>;

// graphql-shield's ES modules import a function that Node removed in version 23; its CommonJS build loads
// everywhere. In it, `chain` and `race` still call that function: combine with `and`.
const { shield, rule, allow, deny, and } = createRequire(import.meta.url)('graphql-shield') as typeof Shield;

/**
 * Makes a rule for a module's `rules`. `check` returns true, or the error for the caller. When it throws, the field is
 * refused: with the public error it threw, or else as forbidden, and logged. The name must be unique in the schema.
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
 * Guards the fields of the schema.
 *
 * @throws Error when a rule names a field that is not in the schema, and when a subscription field has no `subscribe`
 */
export function guardSchema(
  schema: GraphQLSchema,
  { guards, inputGuards }: { readonly guards: Guards; readonly inputGuards: InputGuards },
  dataRules: DataRules,
): void {
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
  const checks = middleware.generate(schema) as GeneratedMiddleware;
  applyChecks(schema, checks, (type, field) => {
    const coordinate = `${type.name}.${field.name}`;
    const isOpen = guards.get(coordinate) === null || isGuardedByItsType(type, field);
    return isOpen && !inputRules.has(coordinate) && !dataRules[coordinate];
  });
}

/** The rule for a permission. Its error is created once: graphql-js copies it when it adds the path. */
function holds(permission: Permission): Rule {
  const refusal = forbidden(permission);
  return rule(`holds ${permission}`, { cache: 'no_cache' })(
    (_parent: unknown, _args: unknown, { viewer }: RequestContext) =>
      viewer.permissions.has(permission) || refusal,
  );
}

/** For each field with guarded input, a rule that the caller has the permissions of its arguments. */
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

/** Shield's generated middleware, by type and field; an object for combined rules. */
type GeneratedMiddleware = Readonly<
  Record<string, Readonly<Record<string, Check | { readonly resolve: Check }>>>
>;

/**
 * Puts shield's checks before the resolvers. A subscription field has two functions: `subscribe` for its events, and
 * `resolve` for the payload of each. This guards both. graphql-middleware, which usually puts the checks in place, would guard
 * only `resolve`, and would copy the whole schema.
 *
 * Shield's checks are asynchronous calls, which cost more than resolving a list. A field that has nothing to check keeps
 * its own resolver: any member may read it, or it has the guard of its type, which every path to an object of that type
 * has passed (`readGuards` ensures this).
 */
function applyChecks(
  schema: GraphQLSchema,
  checks: GeneratedMiddleware,
  hasNothingToCheck: (type: GraphQLObjectType, field: GraphQLField<unknown, unknown>) => boolean,
): void {
  const subscriptions = schema.getSubscriptionType();
  for (const type of objectTypes(schema)) {
    for (const field of Object.values(type.getFields())) {
      const coordinate = `${type.name}.${field.name}`;
      if (type === subscriptions && !field.subscribe)
        throw new Error(`${coordinate} has no subscribe function`);
      if (hasNothingToCheck(type, field)) continue;
      const generated = checks[type.name]?.[field.name];
      if (!generated) throw new Error(`shield has no check for ${coordinate}`);
      const check = typeof generated === 'function' ? generated : generated.resolve;
      const behind =
        (resolve: GraphQLFieldResolver<unknown, unknown>): GraphQLFieldResolver<unknown, unknown> =>
        (...of) =>
          check(resolve, ...of);
      field.resolve = behind(field.resolve ?? defaultFieldResolver);
      if (field.subscribe) field.subscribe = behind(field.subscribe);
    }
  }
}
