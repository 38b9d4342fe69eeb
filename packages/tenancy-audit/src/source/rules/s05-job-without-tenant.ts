/** S05: a job's payload does not name the tenant, so the worker cannot bind one. */
import ts from 'typescript';
import { bare, descendants, importedFrom, lastName, receiver, resolved, variableOf } from '../syntax.js';
import type { Project } from '../project.js';
import type { CodeFile, Sighting, SourceRule } from '../source-rule.js';
import { callArguments } from '../session-settings.js';
import { sqlTokens, type SqlToken } from '../sql-tokens.js';
import type { TenantWords } from '../tenant-words.js';

const ADVICE = 'Put the tenant into the payload, and bind it in the worker before anything is read.';

export const jobWithoutTenant: SourceRule = {
  id: 'S05',
  title: 'Job without a tenant',
  severity: 'major',
  why:
    'A worker has no request to take the tenant from. A job that names rows but no tenant makes it look them up across ' +
    'all tenants, as a role that may.',
  checkCode: (file, project, words) => [
    ...queueCalls(file, project, words),
    ...file.sql.flatMap((text) =>
      sqlJobs(
        text.text,
        words,
        text.values.map((value) => value.getText()),
      ).map((job) => ({
        ...job,
        offset: text.offsetOf(job.offset),
      })),
    ),
  ],
  checkSql: (file, _project, words) => sqlJobs(file.text, words, []),
};

/** A queue's method: the position of the payload among its arguments, and the queue's package. */
interface Sender {
  readonly payload: number;
  readonly module: RegExp;
  /** Specific enough to be recognised on any object. */
  readonly anywhere?: true;
}

const SENDERS: Readonly<Record<string, readonly Sender[]>> = {
  addJob: [{ payload: 1, module: /^graphile-worker$/, anywhere: true }],
  quickAddJob: [{ payload: 2, module: /^graphile-worker$/, anywhere: true }],
  send: [{ payload: 1, module: /^pg-boss$/ }],
  sendAfter: [{ payload: 1, module: /^pg-boss$/ }],
  publish: [{ payload: 1, module: /^pg-boss$/ }],
  add: [{ payload: 1, module: /^(?:bullmq|bull|bee-queue)$/ }],
  now: [{ payload: 1, module: /^(?:agenda|@hokify\/agenda)$/ }],
  schedule: [{ payload: 2, module: /^(?:agenda|@hokify\/agenda)$/ }],
  SendMessageCommand: [{ payload: 0, module: /^@aws-sdk\/client-sqs$/, anywhere: true }],
};

function queueCalls(file: CodeFile, project: Project, words: TenantWords): Sighting[] {
  return [...descendants(file.ast)].flatMap((node) => {
    if (!ts.isCallExpression(node) && !ts.isNewExpression(node)) return [];
    const method = lastName(node.expression) ?? '';
    const parameters = [...(node.arguments ?? [])];
    const sender = (Object.hasOwn(SENDERS, method) ? SENDERS[method]! : []).find(
      (candidate) =>
        candidate.anywhere ?? isQueue(receiver(node.expression), candidate.module, file, project),
    );
    const keys = payloadKeys(parameters[sender?.payload ?? -1]);
    if (!sender || keys?.some(namesRow) !== true) return [];
    if (parameters.some((parameter) => words.meansTenant(parameter.getText()))) return [];
    return [
      {
        offset: node.getStart(),
        evidence: `${method}() gets a payload of ${keys.join(', ')}, and nothing that names a tenant`,
        advice: ADVICE,
      },
    ];
  });
}

/** A job that contains all its data, such as a complete mail, reads nothing. */
function namesRow(key: string): boolean {
  return /^(?:id|ids|uuid)$|_(?:id|ids|uuid)$|(?:Id|Ids|ID|Uuid)$/.test(key.replaceAll(/['"]/g, ''));
}

/**
 * The keys of an object literal. `undefined` for other expressions and literals with a spread object, whose content is
 * unknown.
 */
function payloadKeys(argument: ts.Expression | undefined): string[] | undefined {
  const payload = argument && unwrapped(resolved(argument));
  if (!payload || !ts.isObjectLiteralExpression(payload)) return undefined;
  const names = payload.properties.map((property) => property.name?.getText());
  return names.every((name) => name !== undefined) ? names : undefined;
}

/** `{ MessageBody: JSON.stringify({ … }) }` and `JSON.stringify({ … })` contain the object. */
function unwrapped(value: ts.Expression): ts.Expression {
  if (ts.isCallExpression(value) && value.expression.getText() === 'JSON.stringify' && value.arguments[0]) {
    return unwrapped(resolved(value.arguments[0]));
  }
  if (ts.isObjectLiteralExpression(value)) {
    const body = value.properties.find((property) => property.name?.getText() === 'MessageBody');
    if (body && ts.isPropertyAssignment(body)) return unwrapped(resolved(body.initializer));
  }
  return value;
}

/** Whether a variable is a queue: created here, or in the module from which this file imports it. */
function isQueue(
  target: ts.Expression | undefined,
  module: RegExp,
  file: CodeFile,
  project: Project,
): boolean {
  if (!target || !ts.isIdentifier(target)) return false;
  const declaration = variableOf(target);
  if (declaration) return isMadeBy(declaration, module, file.ast);
  const specifier = importedFrom(file.ast, target.text);
  const origin = specifier === undefined ? undefined : project.resolveImport(file.path, specifier);
  if (!origin) return false;
  return origin.ast.statements
    .filter(ts.isVariableStatement)
    .flatMap(({ declarationList }) => [...declarationList.declarations])
    .some(
      (candidate) =>
        ts.isIdentifier(candidate.name) &&
        candidate.name.text === target.text &&
        isMadeBy(candidate, module, origin.ast),
    );
}

function isMadeBy(declaration: ts.VariableDeclaration, module: RegExp, file: ts.SourceFile): boolean {
  const made = declaration.initializer && bare(declaration.initializer);
  if (!made || !ts.isNewExpression(made) || !ts.isIdentifier(made.expression)) return false;
  return module.test(importedFrom(file, made.expression.text) ?? '');
}

/** graphile-worker's SQL function, called by triggers. A payload without an id identifies no row. */
function sqlJobs(sql: string, words: TenantWords, spliced: readonly string[], base = 0): Sighting[] {
  const tokens = sqlTokens(sql);
  return tokens.flatMap((token, index) => {
    if (token.kind === 'body') return sqlJobs(token.text, words, spliced, base + token.content);
    const isCall =
      token.text === 'add_job' &&
      tokens[index - 1]?.text === '.' &&
      tokens[index - 2]?.text === 'graphile_worker' &&
      tokens[index + 1]?.text === '(';
    if (!isCall) return [];
    const given = callArguments(tokens, index + 1).arguments;
    const named = given.flat().map(({ text }) => text);
    if (!namesRows(given[1] ?? []) || [...named, ...spliced].some((name) => words.meansTenant(name)))
      return [];
    const evidence = 'graphile_worker.add_job() gets a payload that does not name a tenant';
    return [{ offset: base + token.offset, evidence, advice: ADVICE }];
  });
}

function namesRows(payload: readonly SqlToken[]): boolean {
  const strings = payload.filter(({ kind }) => kind === 'string').map(({ text }) => text);
  const written = strings.flatMap((text) => [...text.matchAll(/"(\w+)"\s*:/g)].map(([, key]) => key!));
  return [...strings, ...written].some(namesRow);
}
