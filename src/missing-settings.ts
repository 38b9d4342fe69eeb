import type { Config } from './kernel/config/config.js';

/** Warns of settings without which a part of the server does nothing. */
export function warnOfMissing(
  config: Config,
  encryptionKeys: readonly string[],
  warn: (problem: string) => void,
): void {
  if (config.production && config.smtpUrl === undefined) {
    warn('SMTP_URL is not set: no mail is sent, and nobody can be invited by mail');
  }
  if (config.production && config.metricsToken === undefined && config.metricsPort === undefined) {
    warn('neither METRICS_PORT nor METRICS_TOKEN is set: there is no /metrics');
  }
  if (encryptionKeys.length === 0) {
    warn('ENCRYPTION_KEYS is not set: no webhook can be created, and nothing is sent to those that exist');
  }
}
