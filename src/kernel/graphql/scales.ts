/**
 * Decimals with all digits of their column: `numeric(10, 2)` has `12.50`, and so has PostgreSQL's answer, but a `Decimal` of
 * JavaScript has no trailing zeros.
 */
import { defaultFieldResolver, getNamedType, type GraphQLFieldResolver, type GraphQLSchema } from 'graphql';
import { MODELS } from '../../generated/data-model/index.js';
import { Prisma } from '../../generated/prisma/client.js';
import { objectTypes } from '../access/guards.js';
import { scaleOf, type ModelInfo } from '../vocabulary/data-model.js';
import { SCALARS } from './scalars.js';

/**
 * Makes the fields that answer such a column answer its digits: those of a type with the name of a model, which has the
 * model's rows. Call it before the schema is guarded.
 */
export function keepScales(
  schema: GraphQLSchema,
  models: Readonly<Record<string, ModelInfo>> = MODELS,
): void {
  for (const type of objectTypes(schema)) {
    const columns = models[type.name]?.fields ?? {};
    for (const field of Object.values(type.getFields())) {
      const scale = scaleOf(columns[field.name]);
      if (scale === undefined || getNamedType(field.type).name !== SCALARS.Decimal.name) continue;
      field.resolve = padding(scale, field.resolve ?? defaultFieldResolver);
    }
  }
}

type Resolve = GraphQLFieldResolver<unknown, unknown>;

function padding(scale: number, resolve: Resolve): Resolve {
  const pad = (value: unknown): unknown => {
    if (Prisma.Decimal.isDecimal(value)) {
      // A resolver may have computed more digits.
      return value.isFinite() && value.decimalPlaces() <= scale ? value.toFixed(scale) : value;
    }
    if (Array.isArray(value)) return value.map(pad);
    return value instanceof Promise ? value.then(pad) : value;
  };
  return (...of) => pad(resolve(...of));
}
