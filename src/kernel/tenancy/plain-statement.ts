/**
 * Turns Prisma's simple operations into the SQL that Prisma would send: reading rows of one model with conditions on
 * its columns, an order and a limit, and creating a row. Most operations of an API are simple, and in one batch
 * (statement-batch.ts) they cost a fraction.
 *
 * An operation with any unknown key, or a value of an unexpected type, is left to Prisma as a whole. The result must be
 * the same either way: test/kernel/plain-statement.slow.test.ts compares them.
 */
import { Prisma } from '../../generated/prisma/client.js';
import type { Column, ScopedModel } from './data-model.js';
import type { Row } from '../driver/row-reader.js';
import type { Statement } from '../driver/statement-batch.js';
import { arrayLiteral, BY_DATABASE, parameterOf, valueOf } from './parameters.js';
import type { Arguments, Operation } from './tenant-filter.js';

/** An operation that runs without Prisma. */
export interface PlainStatement extends Statement {
  /** Makes the caller's result from the rows. Throws like Prisma when a required row is missing. */
  readonly result: (rows: Row[]) => unknown;
  /** For a statement that writes: a statement that has the same result columns and does nothing. */
  readonly answers?: string | undefined;
}

/** The operation as a statement; undefined when Prisma has to run it. */
export function plainStatement(
  model: ScopedModel,
  operation: Operation,
  args: Arguments,
): PlainStatement | undefined {
  const shape = SHAPES[operation];
  if (!shape || !hasOnly(args, shape.takes)) return undefined;
  const isUnique = operation === 'findUnique' || operation === 'findUniqueOrThrow';
  if (isUnique && !namesKey(model, args['where'])) return undefined;
  const builder = new Builder(model, isUnique);
  const text = shape.text(builder, args);
  return text === undefined
    ? undefined
    : { text, values: builder.values, result: shape.result, answers: builder.answers };
}

/** Whether the condition gives the values of a unique key, as Prisma requires to find one row. */
function namesKey({ keys }: ScopedModel, where: unknown): boolean {
  if (!isRecord(where)) return false;
  const given = [...keys].filter(([name]) => where[name] !== undefined);
  return given.length > 0 && given.every(([name, fields]) => isRecord(where[name]) === fields.length > 1);
}

/**
 * The statement as a part of a hand-written one; undefined when that is not possible. Its placeholders are numbered in the
 * order of its text.
 */
export function asPart({ text, values }: PlainStatement): Prisma.Sql | undefined {
  const parts = text.split(PLACEHOLDER);
  // A quoted name may look like a placeholder.
  return parts.length === values.length + 1 ? new Prisma.Sql(parts, values) : undefined;
}

const PLACEHOLDER = /\$\d+/;

/** A hand-written statement; undefined when it has a value that only Prisma can send. */
export function rawStatement(sql: Prisma.Sql): PlainStatement | undefined {
  const values: (string | null)[] = [];
  for (const value of sql.values) {
    const sent = rawParameter(value);
    if (sent === undefined) return undefined;
    values.push(sent);
  }
  return { text: sql.text, values, result: (rows) => rows };
}

function rawParameter(value: unknown): string | null | undefined {
  if (value === null || typeof value === 'string') return value;
  if (typeof value === 'boolean' || (typeof value === 'number' && Number.isFinite(value)))
    return String(value);
  return Array.isArray(value) && isListOf(value, isText) ? arrayLiteral(value) : undefined;
}

/** Unlike `every`, does not skip the holes of a list: a missing element is undefined. */
function isListOf<Value>(
  values: readonly unknown[],
  isValue: (value: unknown) => value is Value,
): values is readonly Value[] {
  for (const value of values) if (!isValue(value)) return false;
  return true;
}

const isText = (value: unknown): value is string => typeof value === 'string';

interface Shape {
  readonly takes: ReadonlySet<string>;
  readonly text: (builder: Builder, args: Arguments) => string | undefined;
  readonly result: (rows: Row[]) => unknown;
}

const orNull = ([row]: Row[]) => row ?? null;

function orThrow([row]: Row[]): Row {
  if (row) return row;
  throw new Prisma.PrismaClientKnownRequestError('No record was found.', {
    code: 'P2025',
    clientVersion: Prisma.prismaVersion.client,
  });
}

const LIST = new Set(['where', 'select', 'orderBy', 'take', 'skip']);
const FIRST = new Set(['where', 'select', 'orderBy']);
const UNIQUE = new Set(['where', 'select']);

const rows: Shape['text'] = (builder, args) => builder.select(args);
const row: Shape['text'] = (builder, args) => builder.select({ ...args, take: 1 });

const SHAPES: Partial<Record<Operation, Shape>> = {
  findMany: { takes: LIST, text: rows, result: (found) => found },
  findFirst: { takes: FIRST, text: row, result: orNull },
  findFirstOrThrow: { takes: FIRST, text: row, result: orThrow },
  findUnique: { takes: UNIQUE, text: row, result: orNull },
  findUniqueOrThrow: { takes: UNIQUE, text: row, result: orThrow },
  count: {
    takes: new Set(['where']),
    text: (builder, args) => builder.count(args),
    result: ([found]) => Number(found?.['count']),
  },
  create: {
    takes: new Set(['data', 'select']),
    text: (builder, args) => builder.insert(args),
    result: orNull,
  },
};

const COMPARISONS: ReadonlyMap<string, string> = new Map([
  ['equals', '='],
  ['gt', '>'],
  ['gte', '>='],
  ['lt', '<'],
  ['lte', '<='],
]);

class Builder {
  readonly values: (string | null)[] = [];

  answers: string | undefined;

  constructor(
    private readonly model: ScopedModel,
    private readonly isUnique: boolean,
  ) {}

  count({ where }: Arguments): string | undefined {
    const conditions = this.conditions(where);
    return conditions && `SELECT count(*) AS "count" FROM ${this.model.table} WHERE ${conditions}`;
  }

  select({ where, select, orderBy, take, skip }: Arguments): string | undefined {
    const columns = this.selection(select);
    const conditions = this.conditions(where);
    const order = this.order(orderBy);
    // For `take: 0`, Prisma sends no query and does not check the condition.
    const limit =
      take === 0
        ? undefined
        : bound('LIMIT', take, (rows) =>
            isConstantLimit(rows) ? String(rows) : this.placeholder(String(rows)),
          );
    const offset = bound('OFFSET', skip, (rows) => this.placeholder(String(rows)));
    const parts = [columns, conditions, order, limit, offset];
    if (parts.includes(undefined)) return undefined;
    return `SELECT ${columns!} FROM ${this.model.table} WHERE ${conditions!}${order!}${limit!}${offset!}`;
  }

  insert({ data, select }: Arguments): string | undefined {
    const returned = this.selection(select);
    if (returned === undefined || !isRecord(data)) return undefined;
    const isKnown = (field: string) => this.model.columns.has(field) || data[field] === undefined;
    if (!Object.keys(data).every(isKnown)) return undefined;
    const columns: string[] = [];
    const values: string[] = [];
    const now = new Date().toISOString();
    for (const column of this.model.columns.values()) {
      const value = valueOf(column, data[column.field], now);
      if (value === BY_DATABASE) continue;
      if (value === undefined) return undefined;
      columns.push(column.name);
      values.push(this.placeholder(value));
    }
    if (columns.length === 0) return undefined;
    this.answers = `SELECT ${returned} FROM ${this.model.table} LIMIT 0`;
    return `INSERT INTO ${this.model.table} (${columns.join(', ')}) VALUES (${values.join(', ')}) RETURNING ${returned}`;
  }

  private selection(select: unknown): string | undefined {
    if (select === undefined) return this.model.allColumns;
    if (!isRecord(select)) return undefined;
    const chosen = [...this.model.columns.values()].filter(({ field }) => select[field] === true);
    const known = Object.entries(select).every(
      ([field, value]) =>
        this.model.columns.has(field) && (value === undefined || typeof value === 'boolean'),
    );
    return known && chosen.length > 0 ? chosen.map(({ selected }) => selected).join(', ') : undefined;
  }

  private conditions(where: unknown): string | undefined {
    if (where === undefined) return EVERYTHING;
    if (!isRecord(where)) return undefined;
    const parts: string[] = [];
    for (const key in where) {
      const value = where[key];
      if (value === undefined) continue;
      const part = this.condition(key, value);
      if (part === undefined) return undefined;
      if (part !== EVERYTHING) parts.push(part);
    }
    return parts.length === 0 ? EVERYTHING : parts.join(' AND ');
  }

  private condition(key: string, value: unknown): string | undefined {
    const column = this.model.columns.get(key);
    if (column) return this.comparison(column, value);
    if (key === 'AND') return this.all(Array.isArray(value) ? value : [value], ' AND ');
    // An empty OR matches nothing in Prisma.
    if (key === 'OR' && Array.isArray(value) && value.length > 0) return this.all(value, ' OR ');
    // A compound key, `tenantId_id: { tenantId, id }`: its name joins its fields, and each field has a value.
    const fields = this.isUnique ? this.model.keys.get(key) : undefined;
    if (!fields || !isRecord(value) || Object.keys(value).length !== fields.length) return undefined;
    return fields.every((field) => isScalar(value[field])) ? this.conditions(value) : undefined;
  }

  private all(parts: readonly unknown[], operator: ' AND ' | ' OR '): string | undefined {
    // An undefined part would be no condition; Prisma refuses it.
    if (!isListOf(parts, isRecord)) return undefined;
    const conditions = parts.map((part) => this.conditions(part));
    if (conditions.includes(undefined)) return undefined;
    const narrowing = conditions.filter((each) => each !== EVERYTHING);
    // Prisma treats an OR with an empty condition differently from logic.
    if (operator === ' OR ' && narrowing.length < parts.length) return undefined;
    return narrowing.length === 0 ? EVERYTHING : `(${narrowing.map((each) => `(${each!})`).join(operator)})`;
  }

  private comparison(column: Column, value: unknown): string | undefined {
    const parameter = parameterOf(column);
    const { name } = column;
    if (!parameter) return undefined;
    if (!isRecord(value)) return this.compare(name, '=', parameter(value));
    const parts: string[] = [];
    for (const [key, operand] of Object.entries(value)) {
      if (operand === undefined) continue;
      // Prisma does not compare enums.
      const operator = column.values && key !== 'equals' ? undefined : COMPARISONS.get(key);
      const part =
        operator === undefined
          ? key === 'in' && this.oneOf(name, operand, parameter)
          : this.compare(name, operator, parameter(operand));
      if (!part) return undefined;
      parts.push(part);
    }
    return parts.length === 0 ? undefined : parts.join(' AND ');
  }

  private compare(column: string, operator: string, value: string | undefined): string | undefined {
    return value === undefined ? undefined : `${column} ${operator} ${this.placeholder(value)}`;
  }

  private oneOf(
    column: string,
    operand: unknown,
    parameter: (value: unknown) => string | undefined,
  ): string | undefined {
    // For an empty list Prisma sends a statement without parameters, or none.
    if (!Array.isArray(operand) || operand.length === 0) return undefined;
    const values = operand.map(parameter);
    if (values.includes(undefined)) return undefined;
    return `${column} = ANY (${this.placeholder(arrayLiteral(values as string[]))})`;
  }

  private order(orderBy: unknown): string | undefined {
    if (orderBy === undefined) return '';
    const columns: string[] = [];
    for (const each of Array.isArray(orderBy) ? (orderBy as unknown[]) : [orderBy]) {
      const [[field, direction] = ['', ''], ...more] = isRecord(each) ? Object.entries(each) : [];
      const column = this.model.columns.get(field);
      if (!column || more.length > 0 || (direction !== 'asc' && direction !== 'desc')) return undefined;
      // An enum is selected as text under its own name, which would sort by the alphabet.
      const name = column.values ? `${this.model.table}.${column.name}` : column.name;
      columns.push(`${name} ${direction === 'asc' ? 'ASC' : 'DESC'}`);
    }
    return columns.length === 0 ? '' : ` ORDER BY ${columns.join(', ')}`;
  }

  private placeholder(value: string | null): string {
    this.values.push(value);
    return `$${String(this.values.length)}`;
  }
}

/** LIMIT or OFFSET. A negative `take` asks Prisma for the last rows. */
function bound(keyword: string, rows: unknown, written: (rows: number) => string): string | undefined {
  if (rows === undefined) return '';
  if (typeof rows !== 'number' || !Number.isInteger(rows) || rows < 0 || rows > LARGEST) return undefined;
  return ` ${keyword} ${written(rows)}`;
}

/** The condition that every row meets. */
const EVERYTHING = 'true';

/**
 * The limits that are part of a statement's text: of one row, and of pages of usual sizes with the row that tells
 * whether another page follows. PostgreSQL estimates a limit that is a parameter as a tenth of all rows. Then a plan for
 * any values seems so expensive to it that it plans the statement anew each time, which costs more than reading 20 rows.
 * Only these, because each makes a prepared statement of its own on each connection.
 */
const CONSTANT_LIMITS: ReadonlySet<number> = new Set([1, 6, 11, 16, 21, 26, 31, 41, 51, 76, 101]);

/** Whether a limit is written into the text of a statement. Others are parameters. */
export const isConstantLimit = (rows: number): boolean => CONSTANT_LIMITS.has(rows);

/** Prisma changes larger numbers. */
const LARGEST = 2 ** 31 - 1;

const hasOnly = (args: Arguments, keys: ReadonlySet<string>): boolean => {
  for (const key in args) if (!keys.has(key) && args[key] !== undefined) return false;
  return true;
};

/** Whether the value is a plain object. Prisma's special values have classes of their own. */
const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;

const isScalar = (value: unknown): boolean => value !== undefined && !isRecord(value);
