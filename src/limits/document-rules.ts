import type { ParseOptions, ValidationRule } from 'graphql';
import { introspectionStandsAlone } from '../access/introspection.js';
import { limitOperation, noAliasInIntrospection } from './operation-limits.js';

/** Tokens of a document: far more than a page of a dashboard needs, far less than it takes to keep a parser busy. */
export const PARSE_OPTIONS: ParseOptions = { maxLexicalTokens: 2_000 };

/** What a document must satisfy beside GraphQL's own rules, whether a request brings it or a file. */
export const DOCUMENT_RULES: ValidationRule[] = [
  noAliasInIntrospection,
  introspectionStandsAlone,
  limitOperation,
];
