/** S01: the tenant is set for the session, and remains for the next user of a pooled connection. */
import { sessionSettings, type SessionSetting } from '../session-settings.js';
import type { Sighting, SourceRule } from '../source-rule.js';
import type { SqlText } from '../sql-text.js';
import type { TenantWords } from '../tenant-words.js';

const ADVICE =
  'Set it for the transaction: SET LOCAL, or set_config(name, value, true), as the first statement of the transaction ' +
  'that does the work.';

export const sessionSetting: SourceRule = {
  id: 'S01',
  title: 'Tenant set for the whole session',
  severity: 'critical',
  why:
    'A pooled connection goes from one request to the next with its settings: whoever gets it next, and forgets to set ' +
    'the tenant or fails to, works as the tenant of the request before.',
  checkCode: (file, _project, words) =>
    file.sql.flatMap((text) =>
      sessionSettings(text.text)
        .filter((setting) => carriesTenant(setting, text, words))
        .map((setting) => sighting(setting, text.offsetOf(setting.offset))),
    ),
  checkSql: (file, _project, words) =>
    sessionSettings(file.text)
      .filter(({ name }) => name !== undefined && words.isTenantSetting(name))
      .map((setting) => sighting(setting, setting.offset)),
};

/** A setting's name from a variable counts when the variable's name, or that of the value, means the tenant. */
function carriesTenant({ name }: SessionSetting, { values }: SqlText, words: TenantWords): boolean {
  if (name !== undefined) return words.isTenantSetting(name);
  return values.some((expression) => words.meansTenant(expression.getText()));
}

function sighting({ written }: SessionSetting, offset: number): Sighting {
  return { offset, evidence: written, advice: ADVICE };
}
