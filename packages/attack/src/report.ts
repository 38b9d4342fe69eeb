/** The findings of an attack, and their text. */

export const KINDS = {
  read: 'reads of everything, as each user',
  choice: 'orders, enums and flags',
  id: 'ids of the victim in queries',
  cursor: 'cursors of the victim',
  email: 'e-mail addresses of the victim in queries',
  secret: 'secrets of the victim in queries',
  text: 'texts of the victim in queries',
  date: 'times of the victim',
  number: 'numbers of the victim',
  'get request': 'values of the victim in GET requests',
  alias: 'values of the victim under aliases',
  batch: 'values of the victim in batches',
  pair: 'pairs of values in queries',
  'websocket query': 'values of the victim in queries over WebSocket',
  mutation: 'values of the victim in mutations',
  'pair in a mutation': 'pairs of values in mutations',
  'websocket mutation': 'values of the victim in mutations over WebSocket',
  subscription: 'subscriptions',
  stream: 'subscriptions as event streams',
  credential: 'tokens and hosts of the other tenant',
  'idempotency key': 'idempotency keys of the victim',
  document: 'documents that the victim registered',
  permission: 'values of A itself that a caller of A may not read',
  'blind read': 'reads before and after the victim changed its data',
  'hostile request': 'requests that would keep a server busy',
} as const;

export type AttackKind = keyof typeof KINDS;

export type BreachKind =
  | 'value found'
  | 'answers differ'
  | 'statements differ'
  | 'told of a change'
  | 'victim changed'
  | 'not refused'
  | 'others kept waiting';

export interface Breach {
  readonly attack: AttackKind;
  readonly breach: BreachKind;
  /** `Query.members(filter.userId:)` */
  readonly at: string;
  readonly as: string;
  /** The value that was sent, and its place in the victim's data. */
  readonly sent?: string;
  /** The evidence. */
  readonly evidence: string;
  /** The command that repeats the request. */
  readonly command: string;
}

export interface Report {
  readonly breaches: readonly Breach[];
  readonly attacks: Readonly<Partial<Record<AttackKind, number>>>;
  /** The number of the victim's values that were searched for in all answers to the attacker. */
  readonly searchedFor: number;
  /** The number of the victim's values that are not specific enough. */
  readonly notSearchedFor: number;
  readonly requests: number;
  readonly seconds: number;
  /**
   * Points where the attacker's own values have the same answer as values that do not exist: the attack may reach no
   * data there.
   */
  readonly withoutEffect: readonly string[];
  /**
   * Points where no value of the victim could be tried or planted, each with the reason, without those that were
   * declared: `Query.invoices(filter.cents.min:): …`.
   */
  readonly notAttacked: readonly string[];
  /** What could not be checked, and why. */
  readonly notChecked: readonly string[];
}

/** Whether no breach was found and everything was attacked or is declared. */
export const isClean = ({ breaches, notAttacked }: Report): boolean =>
  breaches.length === 0 && notAttacked.length === 0;

/** The report as text: a table, then each breach. */
export function printReport(report: Report): string {
  const rows = Object.entries(KINDS).flatMap(([kind, about]): [string, number, number][] => {
    const count = report.attacks[kind as AttackKind];
    const found = report.breaches.filter(({ attack }) => attack === kind).length;
    return count === undefined && found === 0 ? [] : [[about, count ?? 0, found]];
  });
  const width = Math.max(...rows.map(([about]) => about.length), 20);
  const line = (about: string, count: number | string, found: number | string) =>
    `${about.padEnd(width)}  ${String(count).padStart(7)}  ${String(found).padStart(8)}`;
  const total = rows.reduce((sum, [, count]) => sum + count, 0);
  return [
    line('attacks', 'count', 'breaches'),
    ...rows.map((row) => line(...row)),
    line('all', total, report.breaches.length),
    '',
    `${report.requests} requests in ${report.seconds.toFixed(1)} s. Searched for ${report.searchedFor} values of the victim in ` +
      `all that was answered; ${report.notSearchedFor} more are short, or the attacker has them too.`,
    ...section(
      'Without effect: a value of the attacker’s own is answered like one that nobody has',
      report.withoutEffect,
    ),
    ...section(
      'NOT ATTACKED, for want of a value or a row; what is meant to be, declare it',
      report.notAttacked,
    ),
    ...section('Not checked', report.notChecked),
    ...report.breaches.flatMap((breach, n) => ['', ...printBreach(breach, n + 1)]),
    '',
    report.breaches.length === 0 ? 'No breach.' : `${report.breaches.length} breaches.`,
    '',
  ].join('\n');
}

const section = (title: string, lines: readonly string[]): string[] =>
  lines.length === 0 ? [] : ['', `${title}:`, ...lines.map((each) => `  ${each}`)];

function printBreach({ attack, breach, at, as, sent, evidence, command }: Breach, n: number): string[] {
  return [
    `BREACH ${n}: ${breach} (${attack})`,
    `  at    ${at}`,
    `  as    ${as}`,
    ...(sent === undefined ? [] : [`  sent  ${sent}`]),
    `  seen  ${evidence}`,
    `  ${command}`,
  ];
}
