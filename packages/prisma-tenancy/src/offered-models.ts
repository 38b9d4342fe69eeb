import { READS, WRITES, type OfferedModel } from './bound-surface.js';

/** Prisma's object for a model, such as `prisma.user`. */
type PrismaDelegate = Readonly<Record<string, unknown>>;

/** The models of a Prisma client, including the methods that extensions have added. */
export function offeredModels(prisma: object): OfferedModel[] {
  return Object.keys(prisma)
    .filter((name) => !/^[$_]/.test(name))
    .map((name): [string, unknown] => [name, (prisma as Readonly<Record<string, unknown>>)[name]])
    .filter((entry): entry is [string, PrismaDelegate] => isDelegate(entry[1]))
    .map(([name, delegate]) => ({
      name,
      actions: actionsOf(delegate),
      fields: delegate['fields'] as object | undefined,
    }));
}

const isDelegate = (value: unknown): value is PrismaDelegate =>
  typeof value === 'object' && value !== null && 'findMany' in value;

/** Properties of a delegate that are not operations of PostgreSQL. */
const NO_ACTIONS: ReadonlySet<string> = new Set(['name', 'fields', 'findRaw', 'aggregateRaw']);

function actionsOf(delegate: PrismaDelegate): ReadonlySet<string> {
  const added = Object.keys(delegate).filter(
    (name) => !/^[$_]/.test(name) && !NO_ACTIONS.has(name) && typeof delegate[name] === 'function',
  );
  return new Set([...READS, ...WRITES, ...added]);
}
