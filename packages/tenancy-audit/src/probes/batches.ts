/**
 * Asks one question of many relations in few statements: a database with a thousand tables would otherwise take a
 * thousand round trips for each question.
 */
import type { Answer, Ask } from './session.js';

const PER_STATEMENT = 40;

/**
 * @param sqlOf a SELECT for one item; all of them take the same values
 * @returns the answers in the order of the items; a statement that is refused for several is asked again for each
 */
export async function askEach<Item, Row>(
  ask: Ask,
  items: readonly Item[],
  sqlOf: (item: Item) => string,
  values: readonly unknown[] = [],
): Promise<readonly Answer<Row>[]> {
  const answers: Answer<Row>[] = [];
  for (let start = 0; start < items.length; start += PER_STATEMENT) {
    const some = items.slice(start, start + PER_STATEMENT).map(sqlOf);
    const together = await askTogether<Row>(ask, some, values);
    if (together) answers.push(...together);
    else for (const sql of some) answers.push(...(await askTogether<Row>(ask, [sql], values, true))!);
  }
  return answers;
}

/** @returns undefined when the statement for several is refused */
async function askTogether<Row>(
  ask: Ask,
  statements: readonly string[],
  values: readonly unknown[],
  alone = false,
): Promise<readonly Answer<Row>[] | undefined> {
  const parts = statements.map(
    (sql, item) => `SELECT ${String(item)} AS item, to_jsonb(answer) AS row FROM (${sql}) AS answer`,
  );
  const answer = await ask<{ item: number; row: Row }>(parts.join('\nUNION ALL\n'), values);
  if ('refusal' in answer) return alone ? [answer] : undefined;
  return statements.map((_, item) => ({
    rows: answer.rows.filter((each) => each.item === item).map(({ row }) => row),
  }));
}
