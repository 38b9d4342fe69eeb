/** Audits source files that a test contains as text. */
import { checkSources } from '../src/source/audit-source.js';

export const NAMES = { columns: ['tenant_id', 'account_id'], settings: ['app.current_tenant'] };

/** Audits files given by path; `.sql` files are SQL. */
export function audit(files: Readonly<Record<string, string>>) {
  const given = Object.entries(files).map(([path, text]) => ({ path, text }));
  const isSql = ({ path }: { path: string }): boolean => path.endsWith('.sql');
  return checkSources(
    given.filter((file) => !isSql(file)),
    given.filter(isSql),
    NAMES,
  );
}

/** The findings as `rule file:line:column`. */
export function places(files: Readonly<Record<string, string>>): string[] {
  return audit(files).findings.map(
    ({ rule, location }) =>
      `${rule.id} ${location?.file ?? ''}:${String(location?.line)}:${String(location?.column)}`,
  );
}

export const one = (text: string): string[] => places({ 'src/a.ts': text });
