import { readFileSync } from 'node:fs';
import process from 'node:process';
import { printSchemaWithDirectives } from '@graphql-tools/utils';
import { Command, InvalidArgumentError, Option } from 'commander';
import { buildSchema, GraphQLError, type GraphQLSchema } from 'graphql';
import { ROLES, type Role } from '../kernel/vocabulary/permissions.js';
import { schemaFor } from '../kernel/access/role-schema.js';
import { readDocumentLimits } from '../kernel/config/environment.js';
import { subgraphSdl } from '../kernel/graphql/federation.js';
import { buildApi } from '../kernel/graphql/schema.js';
import { modules } from '../modules.js';
import { breakingChanges } from '../services/schema-check/check-schema.js';
import { fieldUsers, MOST_DAYS } from '../services/schema-check/field-users.js';
import { asOperator } from './as-operator.js';
import { printRows } from './output.js';

interface UsageOptions {
  readonly days: number;
  readonly json?: boolean;
}

/**
 * `tenantry schema [--role viewer] [--subgraph]` prints the SDL of the installed modules, or the part of it that a role may
 * use; as it is composed into a supergraph with `--subgraph`. `schema usage` and `schema check` say who uses what.
 */
export const schemaCommand = (): Command =>
  new Command('schema')
    .addOption(new Option('--role <role>', 'only what this role may use').choices(ROLES))
    .option('--subgraph', 'as a subgraph of Apollo Federation')
    .action(({ role, subgraph = false }: { role?: Role; subgraph?: boolean }) => {
      const api = buildApi(modules, { limits: readDocumentLimits() });
      const schema = role === undefined ? api.schema : schemaFor(api, api.roles.of(role));
      process.stdout.write(subgraph ? subgraphSdl(schema) : `${printSchemaWithDirectives(schema)}\n`);
    })
    .addCommand(usageCommand())
    .addCommand(checkCommand());

const withDays = (command: Command): Command =>
  command
    .option('--days <number>', 'the last days, today included', parseDays, 30)
    .option('--json', 'print JSON also on a terminal');

function usageCommand(): Command {
  const command = new Command('usage')
    .description('Print which clients of which tenants use a part of the schema, as an operator')
    .argument(
      '<coordinate>',
      'Conversation.body, Query.members(first:), Role.OWNER, or the name of a type for all of it',
    );
  return withDays(command).action(async (coordinate: string, { days, json }: UsageOptions) => {
    const isType = /^\w+$/.test(coordinate);
    const sought = { exact: [coordinate], ...(isType && { prefixes: [`${coordinate}.`] }) };
    const users = await asOperator((connection) => fieldUsers(connection, sought, days));
    printRows(users, { json });
    if (users.length === 0) process.stderr.write(`Nobody has used ${coordinate} in ${String(days)} days.\n`);
  });
}

function checkCommand(): Command {
  const command = new Command('check')
    .description(
      'Exit with 1 when a change from one schema to another breaks clients that use what is changed',
    )
    .argument(
      '<schemas...>',
      'the old and the new schema; with one file, the old one is that of the installed modules',
      readSchemas,
    );
  return withDays(command).action(async (given: GraphQLSchema[], { days, json }: UsageOptions) => {
    const after = given.at(-1)!;
    const before =
      given.length === 2 ? given[0]! : buildApi(modules, { limits: readDocumentLimits() }).schema;
    const changes = await asOperator((connection) =>
      breakingChanges(before, after, (sought) => fieldUsers(connection, sought, days)),
    );
    const rows = changes.flatMap(({ change, path, users, isUsed }) =>
      users.length > 0
        ? users.map((user) => ({ used: true, change, ...user }))
        : [{ used: isUsed, change, coordinate: path }],
    );
    printRows(rows, { json });
    const used = changes.filter(({ isUsed }) => isUsed);
    const tenants = new Set(used.flatMap(({ users }) => users.map(({ tenant }) => tenant)));
    const last = days === 1 ? 'today' : `in the last ${String(days)} days`;
    process.stderr.write(
      `${String(changes.length)} breaking changes; ${String(used.length)} of what is used ${last}` +
        `${tenants.size > 0 ? `, by ${[...tenants].sort().join(', ')}` : ''}.\n`,
    );
    if (used.length > 0) process.exitCode = 1;
  });
}

function readSchemas(file: string, others: readonly GraphQLSchema[] = []): GraphQLSchema[] {
  if (others.length === 2)
    throw new InvalidArgumentError('There are at most two: the old one, and the new one.');
  try {
    return [...others, buildSchema(readFileSync(file, 'utf8'), { assumeValidSDL: true })];
  } catch (error) {
    const why = error instanceof GraphQLError ? error.message : (error as NodeJS.ErrnoException).code;
    throw new InvalidArgumentError(`It is no schema that can be read: ${String(why)}.`);
  }
}

function parseDays(value: string): number {
  const days = Number(value);
  if (Number.isInteger(days) && days >= 1 && days <= MOST_DAYS) return days;
  throw new InvalidArgumentError(`It is no whole number from 1 to ${String(MOST_DAYS)}.`);
}
