/** A rule for application code: its inputs are one file and facts about the whole tree. */
import type ts from 'typescript';
import type { Rule } from '../finding.js';
import type { Project } from './project.js';
import type { SqlText } from './sql-text.js';
import type { TenantWords } from './tenant-words.js';

/** A parsed TypeScript or JavaScript file. */
export interface CodeFile {
  /** Relative to the audited folder, with forward slashes. */
  readonly path: string;
  readonly ast: ts.SourceFile;
  /** The SQL that this file sends to a database, or builds in a string. */
  readonly sql: readonly SqlText[];
}

/** A file of SQL statements. */
export interface SqlFile {
  readonly path: string;
  readonly text: string;
}

/** A rule's result at one position, before it becomes a finding. `offset` counts characters from the file's start. */
export interface Sighting {
  readonly offset: number;
  readonly evidence: string;
  readonly advice: string;
}

export interface SourceRule extends Rule {
  readonly checkCode?: (file: CodeFile, project: Project, words: TenantWords) => readonly Sighting[];
  readonly checkSql?: (file: SqlFile, project: Project, words: TenantWords) => readonly Sighting[];
}
