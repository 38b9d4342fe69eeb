import { readFileSync } from 'node:fs';
import process from 'node:process';
import { printSchemaWithDirectives } from '@graphql-tools/utils';
import { Command, InvalidArgumentError, Option } from 'commander';
import { buildSchema, GraphQLError, resolveSchemaCoordinate, type GraphQLSchema } from 'graphql';
import { ROLES, type Role } from '../kernel/vocabulary/permissions.js';
import { schemaFor } from '../kernel/access/role-schema.js';
import { ConfigError } from '../kernel/config/config-error.js';
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
    const nobody = `nobody has used it in ${String(days)} days.`;
    if (!isInSchema(coordinate)) {
      if (users.length === 0) throw new ConfigError(`The schema has no ${coordinate}, and ${nobody}`);
      process.stderr.write(`The schema of this version has no ${coordinate} any more.\n`);
    } else if (users.length === 0) {
      process.stderr.write(`The schema has ${coordinate}, and ${nobody}\n`);
    }
  });
}

/** Whether the schema of the installed modules has it. */
function isInSchema(coordinate: string): boolean {
  const { schema } = buildApi(modules, { limits: readDocumentLimits() });
  try {
    return resolveSchemaCoordinate(schema, coordinate) !== undefined;
  } catch {
    // It is none, or the schema does not even have its type.
    return false;
  }
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
    if (error instanceof GraphQLError) throw new InvalidArgumentError(`It is no schema: ${error.message}`);
    const { code } = error as NodeJS.ErrnoException;
    throw new InvalidArgumentError(
      code === 'ENOENT' ? 'There is no such file.' : `The file cannot be read (${String(code)}).`,
    );
  }
}

function parseDays(value: string): number {
  const days = Number(value);
  if (Number.isInteger(days) && days >= 1 && days <= MOST_DAYS) return days;
  throw new InvalidArgumentError(`It is no whole number from 1 to ${String(MOST_DAYS)}.`);
}
