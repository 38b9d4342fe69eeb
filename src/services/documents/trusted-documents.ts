/**
 * The operations of the team's own clients: read from files and checked against the schema and its limits when the
 * server starts.
 */
import { hash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Kind, print, type DocumentNode, type GraphQLSchema } from 'graphql';
import { z } from 'zod';
import { problemsOf } from '../limits/document-rules.js';
import { limitOperation } from '../limits/operation-limits.js';
import { parseDocument } from '../../kernel/graphql/parse-document.js';
import { documentLimitsOf } from '../../kernel/vocabulary/document-limits.js';

export interface TrustedDocument {
  /** The id in its manifest; for a `.graphql` file the SHA-256 of `text`. */
  readonly id: string;
  readonly text: string;
}

/** Trusted documents cannot be read or are not valid for the schema. The message lists them with the reasons. */
export class TrustedDocumentsError extends Error {
  override readonly name = 'TrustedDocumentsError';
}

/** The SHA-256 of a text, in lower-case hexadecimal digits. */
export const sha256 = (text: string): string => hash('sha256', text);

/** The ids by which a request may name a document. */
export const namesOf = ({ id, text }: TrustedDocument): readonly string[] => [id, sha256(text)];

/**
 * Reads the documents of a file, or of all files in a folder and its subfolders:
 *
 * - `.json`: a manifest, either Apollo's `apollo-persisted-query-manifest` or a map of ids to documents;
 * - `.graphql`, `.gql`: one document; its text is the output of graphql-js's `print`.
 *
 * @throws TrustedDocumentsError with every file that cannot be read, every document that is not valid, and every id
 * that two documents have.
 */
export function readTrustedDocuments(path: string, schema: GraphQLSchema): readonly TrustedDocument[] {
  const problems: string[] = [];
  const documents: TrustedDocument[] = [];
  for (const file of filesOf(path)) {
    const report = (problem: string) => problems.push(`${file}: ${problem}`);
    try {
      for (const document of documentsOf(file, documentLimitsOf(schema).tokens)) {
        documents.push(document);
        problemsWith(document, schema).forEach(report);
      }
    } catch (error) {
      report(messageOf(error));
    }
  }
  problems.push(...ambiguousNames(documents).map((name) => `${name}: Two documents have this id.`));
  if (documents.length === 0 && problems.length === 0) problems.push(`There are none in ${path}.`);
  if (problems.length > 0) {
    throw new TrustedDocumentsError(`The trusted documents cannot be used:\n- ${problems.join('\n- ')}`);
  }
  return documents;
}

function ambiguousNames(documents: readonly TrustedDocument[]): string[] {
  const texts = new Map<string, string>();
  const ambiguous = new Set<string>();
  for (const document of documents) {
    for (const name of namesOf(document)) {
      if ((texts.get(name) ?? document.text) !== document.text) ambiguous.add(name);
      texts.set(name, document.text);
    }
  }
  return [...ambiguous];
}

const READ = /\.(json|graphql|gql)$/;

function filesOf(path: string): string[] {
  try {
    if (!statSync(path).isDirectory()) return [path];
    const names = readdirSync(path, { recursive: true, encoding: 'utf8' });
    return names
      .filter((name) => READ.test(name))
      .sort()
      .map((name) => join(path, name));
  } catch (error) {
    throw new TrustedDocumentsError(`The trusted documents cannot be read: ${messageOf(error)}`);
  }
}

const apolloManifest = z.object({
  format: z.literal('apollo-persisted-query-manifest'),
  version: z.literal(1),
  operations: z.array(z.object({ id: z.string().min(1), body: z.string() })),
});
const textById = z.record(z.string().min(1), z.string());

/** @throws Error with what is wrong with the file. */
function documentsOf(file: string, mostTokens: number): TrustedDocument[] {
  const content = readFileSync(file, 'utf8');
  if (!file.endsWith('.json')) {
    const text = print(parseDocument(content, mostTokens).document);
    return [{ id: sha256(text), text }];
  }
  const json: unknown = JSON.parse(content);
  const manifest = apolloManifest.safeParse(json);
  if (manifest.success) return manifest.data.operations.map(({ id, body }) => ({ id, text: body }));
  const map = textById.safeParse(json);
  if (map.success) return Object.entries(map.data).map(([id, text]) => ({ id, text }));
  throw new Error('This is neither an Apollo manifest of version 1 nor a map of ids to documents.');
}

function problemsWith({ id, text }: TrustedDocument, schema: GraphQLSchema): string[] {
  try {
    const { document } = parseDocument(text, documentLimitsOf(schema).tokens);
    const operations = document.definitions.filter((node) => node.kind === Kind.OPERATION_DEFINITION);
    if (operations.length === 0) return [`${id}: The document has no operation.`];
    const names = operations.map(({ name }) => name?.value ?? 'an operation without a name').join(', ');
    const problems = problemsOf(schema, document, false).map(({ message }) => message);
    if (problems.length === 0) problems.push(...disproportions(schema, document));
    return problems.map((message) => `${names} (${id}): ${message}`);
  } catch (error) {
    return [`${id}: ${messageOf(error)}`];
  }
}

/** The exceeded limits of the operations of a valid document, for any variables. */
function disproportions(schema: GraphQLSchema, document: DocumentNode): string[] {
  return document.definitions.flatMap((node) => {
    if (node.kind !== Kind.OPERATION_DEFINITION) return [];
    try {
      limitOperation(schema, document, node, 'least');
      return [];
    } catch (error) {
      return [messageOf(error)];
    }
  });
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));
