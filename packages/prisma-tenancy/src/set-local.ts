import { Sql } from '@prisma/client/runtime/client';

/**
 * The statement that sets these settings for the rest of the transaction, like SET LOCAL. Names and values are
 * parameters.
 *
 * @throws TypeError when there is no setting or a value is empty, because policies would then see no tenant
 */
export function setLocal(settings: Readonly<Record<string, string>>): Sql {
  const entries = Object.entries(settings as Readonly<Record<string, unknown>>);
  if (entries.length === 0) throw new TypeError('there is no setting to bind the transaction with');
  for (const [name, value] of entries) {
    if (typeof value !== 'string' || value === '') throw new TypeError(`the setting ${name} has no value`);
  }
  const strings = entries.flatMap((_, index) => [
    index === 0 ? 'SELECT set_config(' : ', true), set_config(',
    ', ',
  ]);
  return new Sql([...strings, ', true)'], entries.flat());
}
