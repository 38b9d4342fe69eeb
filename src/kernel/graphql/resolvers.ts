/** Adapts the resolvers of a schema to how operations are executed. */
import {
  defaultFieldResolver,
  isEnumType,
  isNonNullType,
  isSpecifiedScalarType,
  type GraphQLOutputType,
  type GraphQLSchema,
} from 'graphql';
import { objectTypes } from '../access/guards.js';
import type { Deadline } from '../request/deadline.js';
import { DateTime } from './date-time.js';
import { isPlainId } from './ids.js';

/** Changes the resolvers of a schema whose fields have their guards and ids. */
export function prepareResolvers(schema: GraphQLSchema): void {
  resolveWhatMayBeAPromise(schema);
  beginNoMutationTooLate(schema);
  throwOnlyInPromises(schema);
}

/**
 * The fields of a mutation run one after the other, and none begins after the deadline. Other fields need no such
 * check: they begin together, and their database client refuses to read after the deadline.
 */
function beginNoMutationTooLate(schema: GraphQLSchema): void {
  for (const field of Object.values(schema.getMutationType()?.getFields() ?? {})) {
    const resolve = field.resolve ?? defaultFieldResolver;
    field.resolve = (source, args, context: { readonly deadline?: Deadline }, info) => {
      context.deadline?.throwIfOver();
      return resolve(source, args, context, info);
    };
  }
}

/**
 * Makes each resolver return a rejected promise where it would throw. When a field of one row throws, graphql-js 16 forgets the
 * promises of the rows before it, and their rejections are unhandled (see its pull request 4643).
 */
function throwOnlyInPromises(schema: GraphQLSchema): void {
  for (const type of objectTypes(schema)) {
    for (const field of Object.values(type.getFields())) {
      const { resolve } = field;
      if (!resolve || resolve === defaultFieldResolver || isPlainId(resolve)) continue;
      field.resolve = (source, args, context, info): unknown => {
        try {
          return resolve(source, args, context, info);
        } catch (error) {
          // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- it is passed on as it was thrown
          return Promise.reject(error);
        }
      };
    }
  }
}

/**
 * For a field without a resolver, graphql-jit uses the property's value, but graphql-js also awaits promises and calls
 * functions. If no scalar would refuse to serialize such a value, the field gets the resolver of graphql-js.
 */
function resolveWhatMayBeAPromise(schema: GraphQLSchema): void {
  for (const type of objectTypes(schema)) {
    for (const field of Object.values(type.getFields())) {
      if (!refusesPromises(field.type) || isOfPrimitives(field.name)) field.resolve ??= defaultFieldResolver;
    }
  }
}

function refusesPromises(type: GraphQLOutputType): boolean {
  const value = isNonNullType(type) ? type.ofType : type;
  return isEnumType(value) || value === DateTime || isSpecifiedScalarType(value as never);
}

/** Whether a string or number, resolved in place of an object, would have this property. */
const isOfPrimitives = (name: string): boolean => name in String.prototype || name in Number.prototype;
