/** What the audit finds in a database whose migrations are being written. */
import { developmentPackage } from '../kernel/config/development-package.js';
import { APP_ROLE } from '../kernel/database/owner-connection.js';

/**
 * The audit's findings in the catalog of a database, as sentences, by what identifies each across runs.
 *
 * @throws ConfigError when the audit is not installed
 */
export async function auditFindings(url: string): Promise<ReadonlyMap<string, string>> {
  const { audit, fingerprintOf } = await developmentPackage(
    import('tenantry-audit'),
    'New migrations are written in a checkout, and looked at by the audit: run it after `npm ci` without --omit=dev.',
  );
  const { findings } = await audit({ url, given: { appRoles: [APP_ROLE] } });
  return new Map(
    findings.map((finding) => {
      const { rule, object, evidence, advice, fix } = finding;
      const remedy = advice ?? fix;
      const sentence = `${rule.id} ${object}: ${evidence}.${remedy === undefined ? '' : ` ${remedy}`}`;
      return [fingerprintOf(finding), sentence];
    }),
  );
}
