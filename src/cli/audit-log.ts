import { existsSync, readFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import process from 'node:process';
import { Command, Option } from 'commander';
import { FormatError, TrustedKeys, headJson, newestHeadsOfFile, type Seal } from 'tenantry-verify';
import { Prisma } from '../generated/prisma/client.js';
import { ConfigError } from '../kernel/config/config-error.js';
import { readConfig, type Config } from '../kernel/config/config.js';
import { EXPORT_FORMATS, exportTrail, type ExportFormat } from '../services/audit-trail/export-trail.js';
import { isUrl } from '../services/audit-trail/head-sink.js';
import { sealKeys } from '../services/audit-trail/seal-keys.js';
import { headOf } from '../services/audit-trail/trail-rows.js';
import { verifyTrail, type TrailVerification } from '../services/audit-trail/verify-trail.js';
import { prune } from './prune-audit-log.js';
import { eachTrail, type Chosen } from './trails.js';

interface VerifyOptions extends Chosen {
  readonly from?: string;
  readonly head?: string;
  readonly key?: readonly string[];
  readonly json?: boolean;
}

/** `tenantry audit-log …` works on the sealed audit trails of tenants, as an operator. */
export const auditLogCommand = (): Command => {
  const command = new Command('audit-log');
  command
    .command('verify')
    .description(
      'Compare the audit log with its seals, one line for each tenant; exit status 1 when one is broken',
    )
    .option('--tenant <slug>', 'one tenant only')
    .option('--from <time>', 'of entries that were sealed before, compare only the stored hashes')
    .option('--head <file>', 'heads that were kept elsewhere; by default the file of AUDIT_HEAD_SINK')
    .option('--key <file...>', 'public keys in PEM; by default those of AUDIT_SEAL_KEY')
    .option('--json', 'print the results as JSON')
    .action(verify);
  command
    .command('head')
    .description(
      'Print the newest seal of each tenant, one line of JSON each; to verify an export, take it before the export',
    )
    .option('--tenant <slug>', 'one tenant only')
    .action(async (options: Chosen) => {
      await eachTrail(options, async ({ tenant, inTenant }) => {
        const head = await inTenant((query) => headOf(query, tenant.id));
        if (head) print(JSON.stringify(headJson(head)));
        else process.stderr.write(`${tenant.slug} has no seal yet.\n`);
      });
    });
  command
    .command('export')
    .description('Write the sealed entries of a tenant, one line each: see docs/audit-format.md')
    .requiredOption('--tenant <slug>')
    .addOption(
      new Option('--format <format>', 'ndjson can be verified, csv is for spreadsheets')
        .choices(EXPORT_FORMATS)
        .default('ndjson'),
    )
    .option('--output <file>', 'a new file, instead of the terminal')
    .action(exportLog);
  command
    .command('prune')
    .description('Drop the entries that the plans of tenants no longer keep (auditDays in PLANS_FILE)')
    .option('--tenant <slug>', 'one tenant only')
    .option('--dry-run', 'only say of which tenants entries would be dropped')
    .action(prune);
  command
    .command('key')
    .description('Print the public keys of the seals in PEM, for verifiers')
    .action(async () => {
      const keys = await sealKeys(readConfig(process.env, 'command'));
      if (!keys) throw new ConfigError('AUDIT_SEAL_KEY is missing: this command needs it.');
      process.stdout.write(keys.publicPem);
    });
  return command;
};

async function verify(options: VerifyOptions): Promise<void> {
  const config = readConfig(process.env, 'command');
  const keys = await trustedKeys(config, options);
  const heads = await keptHeads(config, options);
  let broken = 0;
  const from = timeOf(options.from);
  await eachTrail(options, async ({ tenant, inTenant }) => {
    const head = heads?.get(tenant.id);
    const began = performance.now();
    const result = await inTenant((query) => verifyTrail(query, tenant.id, { keys, head, from }));
    const perSecond = Math.round((result.entries / (performance.now() - began)) * 1_000);
    if (!result.intact) broken++;
    if (options.json) print(JSON.stringify({ slug: tenant.slug, ...result }));
    else print(`${tenant.slug}  ${sentenceOf(result)} (${perSecond} entries/s)`);
  });
  if (heads === undefined) {
    process.stderr.write('Without --head nobody can see whether the end of a trail was cut off.\n');
  }
  if (broken > 0) process.exitCode = 1;
}

function sentenceOf({
  intact,
  broken,
  entries,
  dropped,
  pending,
  redacted,
  head,
}: TrailVerification): string {
  if (!intact && broken) {
    const { defect, entryId, explanation } = broken;
    return `BROKEN  ${defect}: ${explanation}${entryId === null ? '' : ` Entry ${entryId}.`}`;
  }
  return (
    `intact  ${entries} entries, ${redacted} with deleted values, ` +
    `${dropped > 0 ? `the first ${dropped} dropped, ` : ''}${pending} not sealed yet; ` +
    `sealed until ${head?.sealedAt ?? 'never'}`
  );
}

/** @throws ConfigError when it is no time */
function timeOf(text: string | undefined): Date | undefined {
  if (text === undefined) return undefined;
  const time = new Date(text);
  if (Number.isNaN(time.getTime()))
    throw new ConfigError('--from must be a time, as in 2026-11-29T08:15:00Z.');
  return time;
}

async function trustedKeys(config: Config, { key }: VerifyOptions): Promise<TrustedKeys> {
  if (key) return expectFormat('--key', async () => TrustedKeys.fromPem(key.map(contentOf).join('\n')));
  const keys = await sealKeys(config);
  if (!keys) throw new ConfigError('AUDIT_SEAL_KEY is missing: set it, or give the public keys with --key.');
  return keys.trusted;
}

/** By the tenants' ids; undefined when there is no file. */
async function keptHeads(
  { auditHeadSink }: Config,
  { head }: VerifyOptions,
): Promise<ReadonlyMap<string, Seal> | undefined> {
  const sink = auditHeadSink !== undefined && !isUrl(auditHeadSink) ? auditHeadSink : undefined;
  const file = head ?? (sink !== undefined && existsSync(sink) ? sink : undefined);
  if (file === undefined) return undefined;
  return expectFormat('--head', async () => {
    try {
      return await newestHeadsOfFile(file);
    } catch (error) {
      throw error instanceof FormatError ? error : unreadable(file, error);
    }
  });
}

async function expectFormat<Result>(option: string, read: () => Promise<Result>): Promise<Result> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    throw new ConfigError(`The file of ${option} cannot be used: ${error.message}.`, { cause: error });
  }
}

function contentOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw unreadable(file, error);
  }
}

function unreadable(file: string, error: unknown): ConfigError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
  return new ConfigError(`${file} cannot be read (${code}).`, { cause: error });
}

interface ExportOptions {
  readonly tenant: string;
  readonly format: ExportFormat;
  readonly output?: string;
}

async function exportLog({ tenant: slug, format, output }: ExportOptions): Promise<void> {
  await eachTrail({ tenant: slug }, async ({ tenant, inTenant }) => {
    // Who took a copy of the log is in the log. Committed first, so that it holds also when the export is cut off.
    await inTenant((query) => query(recordExport(format)));
    const file = output === undefined ? undefined : await open(output, 'wx', 0o600);
    try {
      await inTenant(async (query) => {
        for await (const text of exportTrail(query, tenant.id, format)) {
          if (file) await file.write(text);
          else await written(text);
        }
      });
    } finally {
      await file?.close();
    }
  });
}

const recordExport = (format: ExportFormat): Prisma.Sql =>
  Prisma.sql`SELECT tenantry.record_audit(
    'audit_log.exported', 'AuditLog', NULL, NULL, ${JSON.stringify({ format })}::jsonb)`;

/** Waits while the reader is slower, so that memory stays constant. */
const written = (line: string): Promise<void> =>
  new Promise((done, fail) => process.stdout.write(line, (error) => (error ? fail(error) : done())));

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
