#!/usr/bin/env node
/**
 * The `tenantry-verify` command. The result goes to stdout, everything else to stderr. Exit status: 0 intact, 1 broken
 * or a failure, 2 wrong use.
 */
import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { FormatError } from './bytes.js';
import { verifyExportFile } from './export.js';
import { newestHeadsOfFile } from './heads.js';
import { proofOf } from './parse.js';
import { flawOfProof } from './proof.js';
import { TrustedKeys, type Seal } from './seal.js';
import type { Verification } from './verification.js';

const USAGE = `Usage: tenantry-verify EXPORT --key PUBLIC.pem… [--head HEAD.json] [--json]
       tenantry-verify --proof PROOF.json --key PUBLIC.pem… [--head HEAD.json]

Verifies an export of a sealed audit trail, or the proof that one entry is in a trail.

  --key FILE    the public key of the seals, in PEM; again for each older key
  --head FILE   a head that was kept elsewhere, from before the export was made: without it, nobody can see that the
                end of the trail was cut off
  --proof FILE  a proof instead of an export
  --json        prints the result as JSON
  --version     prints the version
`;

/** Nothing in an export tells one that was cut off from one that was made before the head. */
const EARLIER_OR_CUT =
  'What the export has agrees with its seals. Either its end was cut off, or it was made before this head was: ' +
  'give a head of before the export, or make the export again.';

/** Wrong use: the command says how it is used. */
class UsageError extends Error {}

async function main(): Promise<boolean> {
  const { values, positionals } = parse();
  if (values.help || values.version) {
    process.stdout.write(values.help ? USAGE : `${version()}\n`);
    return true;
  }
  const [file, ...others] = positionals;
  if (others.length > 0 || (file === undefined) === (values.proof === undefined)) {
    throw new UsageError('name one export, or one proof with --proof');
  }
  if (!values.key) throw new UsageError('--key is missing');
  const keys = TrustedKeys.fromPem(values.key.map(contentOf).join('\n'));
  if (values.proof !== undefined) return verifyProof(values.proof, keys, values.head);
  const head = await headIn(values.head, tenantIn(file!));
  return report(await verifyExportFile(file!, { keys, head }), head, values.json);
}

function parse() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        key: { type: 'string', multiple: true },
        head: { type: 'string' },
        proof: { type: 'string' },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
        version: { type: 'boolean', default: false },
      },
    });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

async function verifyProof(file: string, keys: TrustedKeys, headFile: string | undefined): Promise<boolean> {
  const proof = proofOf(contentOf(file));
  const flaw = flawOfProof(proof, { keys, head: await headIn(headFile, proof.head.tenant) });
  if (flaw !== undefined) {
    process.stdout.write(`BROKEN  ${flaw}\n`);
    return false;
  }
  const { entry, head } = proof;
  process.stdout.write(
    `intact  ${entry.action} of ${entry.createdAt} (${entry.id}) is entry ${proof.position} of ${head.size}, ` +
      `sealed until ${head.sealedAt}\n`,
  );
  return true;
}

function report(result: Verification, head: Seal | undefined, asJson: boolean): boolean {
  if (asJson) {
    process.stdout.write(`${JSON.stringify(result)}\n`);
  } else if (result.broken) {
    const { defect, entryId, explanation } = result.broken;
    const told = `${defect}: ${explanation}${entryId === null ? '' : ` Entry ${entryId}.`}`;
    process.stdout.write(defect === 'cut' ? `SHORT   ${told} ${EARLIER_OR_CUT}\n` : `BROKEN  ${told}\n`);
  } else {
    process.stdout.write(
      `intact  ${result.entries} entries, ${result.redacted} of them with deleted values, ` +
        `${result.dropped > 0 ? `the first ${result.dropped} dropped, ` : ''}in ${result.seals} seals ` +
        `until ${result.head?.sealedAt ?? 'never'}\n`,
    );
  }
  if (!head) {
    process.stderr.write('Without --head nobody can see whether the end of the trail was cut off.\n');
  }
  return result.intact;
}

/** The tenant in the first line of an export. */
function tenantIn(file: string): string | undefined {
  const start = readable(file, () => {
    const descriptor = openSync(file, 'r');
    try {
      const buffer = Buffer.alloc(4096);
      return buffer.toString('utf8', 0, readSync(descriptor, buffer));
    } finally {
      closeSync(descriptor);
    }
  });
  return /^[^\n]*?"tenant":"([^"]+)"/.exec(start)?.[1];
}

async function headIn(file: string | undefined, tenant: string | undefined): Promise<Seal | undefined> {
  if (file === undefined) return undefined;
  const heads = await newestHeadsOfFile(file);
  const head = tenant === undefined ? heads.values().next().value : heads.get(tenant);
  if (!head) throw new FormatError(`${file} has no head of this tenant`);
  return head;
}

const contentOf = (path: string): string => readable(path, () => readFileSync(path, 'utf8'));

function readable(path: string, read: () => string): string {
  try {
    return read();
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
    throw new FormatError(`${path} cannot be read (${code})`, { cause: error });
  }
}

const version = (): string =>
  (JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string })
    .version;

try {
  process.exitCode = (await main()) ? 0 : 1;
} catch (error) {
  if (error instanceof UsageError) {
    process.stderr.write(`${error.message}\n\n${USAGE}`);
    process.exitCode = 2;
  } else {
    const expected = error instanceof FormatError || (error instanceof Error && 'code' in error);
    process.stderr.write(`${expected ? (error as Error).message : String((error as Error).stack)}\n`);
    process.exitCode = 1;
  }
}
