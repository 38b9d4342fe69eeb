/** What a column can store, as code: the rule of its input, and values for rows of a demo tenant. */
import type { PlannedColumn } from './plan.js';

/** The most characters of a text without a limit of its own. */
const LONGEST_TEXT = 10_000;

/** The most characters of a text column; undefined when it has no limit. */
function lengthOf({ info: { native: [native, length] = [] } }: PlannedColumn): number | undefined {
  if (native === 'Char') return Number(length ?? 1);
  if (native === 'VarChar') return Number(length ?? 255);
  return undefined;
}

/** The check of what GraphQL's types do not express: everything that the column would refuse is refused with its name. */
export function ruleOf(column: PlannedColumn): string {
  const { type, info } = column;
  const [native, first, second] = info.native ?? [];
  const shortest = info.isNullable && !info.isList ? '0' : '1';
  const ofList = (rule: string) => (info.isList ? `z.array(${rule}).max(100)` : rule);
  if (info.isEnum) return ofList(`z.enum(${info.type})`);
  switch (info.isList ? info.type : type) {
    case 'String':
      return ofList(`text(${shortest}, ${digits(lengthOf(column) ?? (info.isList ? 255 : LONGEST_TEXT))})`);
    case 'Int':
      return native === 'SmallInt' ? 'integer(-32_768, 32_767)' : 'z.number().int()';
    case 'Float':
      return native === 'Real' ? 'real()' : 'z.number()';
    case 'BigInt':
      return 'z.bigint()';
    case 'Decimal':
      return `decimal(${first ?? '65'}, ${second ?? '30'})`;
    case 'Boolean':
      return 'z.boolean()';
    case 'Date':
    case 'DateTime':
      return 'z.date()';
    case 'JSON':
      return 'jsonValue(16 * 1_024)';
    default:
      return 'z.string()';
  }
}

const digits = (value: number): string => String(value).replace(/\B(?=(\d{3})+$)/g, '_');

/** The code of a value that the column stores, another one for each row up to the ninth. */
export function sampleOf(column: PlannedColumn, row: number): string {
  const { name, type, info } = column;
  const n = String(row);
  if (info.isList) return '[]';
  if (info.isEnum) return `Object.values(${info.type})[0]!`;
  switch (type) {
    case 'String': {
      const text = /e-?mail/i.test(name) ? `demo-${n}@example.com` : `${name} ${n}`;
      const length = lengthOf(column) ?? LONGEST_TEXT;
      return `'${text.length <= length ? text : name.slice(0, length - 1) + n}'`;
    }
    case 'Int':
    case 'Float':
      return String(row * 100);
    case 'BigInt':
      return `${String(row * 1_250)}n`;
    case 'Decimal': {
      const [precision = 65, scale = 30] = (info.native ?? []).slice(1).map(Number);
      const text = precision === scale ? `0.${n}` : scale === 0 ? n : `${n}.5`;
      return `new Prisma.Decimal('${text}')`;
    }
    case 'Boolean':
      return String(row % 2 === 1);
    case 'Date':
    case 'DateTime':
      return `new Date('2026-0${n}-15T00:00:00Z')`;
    case 'JSON':
      return `{ number: ${n} }`;
    default:
      return `'${crypto.randomUUID()}'`;
  }
}
