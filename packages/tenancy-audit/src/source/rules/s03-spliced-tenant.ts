/** S03: the tenant is concatenated into the text of a statement instead of sent as a parameter. */
import { splicedNames } from '../spliced-values.js';
import type { SourceRule } from '../source-rule.js';
import { SENDING_METHODS, type SqlText } from '../sql-text.js';

export const splicedTenant: SourceRule = {
  id: 'S03',
  title: 'Tenant spliced into the text of a statement',
  severity: 'critical',
  why:
    'Whoever can choose the value chooses the statement, and with it the tenant: SQL that is slipped in can bind any ' +
    'tenant, so that row-level security does not help against it.',
  checkCode: (file, _project, words) =>
    file.sql.filter(isSent).flatMap(({ values, sentBy }) =>
      values.flatMap((value) => {
        const name = splicedNames(value).find(
          (spliced) => words.meansTenant(spliced) && !COUNT.test(spliced),
        );
        if (name === undefined) return [];
        const evidence = `${name} is part of the text that ${sentBy ?? ''}() sends`;
        return [{ offset: value.getStart(), evidence, advice: ADVICE }];
      }),
    ),
};

/** A number of tenants is not a tenant. */
const COUNT = /(?:^|\.)(?:tenants|\w*(?:count|size|index|limit|length))$/i;

const ADVICE =
  'Send it as a parameter: $1 with a value, or a tagged template such as Prisma.sql. SET LOCAL takes no parameter; ' +
  'set_config($1, $2, true) does.';

function isSent({ splices, sentBy }: SqlText): boolean {
  return splices && sentBy !== undefined && SENDING_METHODS.has(sentBy);
}
