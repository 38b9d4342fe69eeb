/** The databases beside the one of DATABASE_URL: `CELL_EU2_URL` is that of the cell eu2, as tenantry_app. */
import { ConfigError } from './config-error.js';
import type { Environment } from './secret-files.js';
import { isPostgresUrl } from './variables.js';

/** A cell, as the environment describes it. */
export interface CellConfig {
  readonly name: string;
  /** The URL of the role tenantry_app. */
  readonly url: string;
  /** The URL for LISTEN, when `url` is that of a transaction pooler. */
  readonly listenUrl: string | undefined;
  readonly ownerUrl: string | undefined;
  readonly operatorUrl: string | undefined;
}

const VARIABLE = /^CELL_([A-Z](?:[A-Z0-9_]{0,30}[A-Z0-9])?)_URL$/;
const OTHERS = ['LISTEN', 'OWNER', 'OPERATOR'] as const;
const OTHER = new RegExp(`^CELL_.*_(${OTHERS.join('|')})_URL$`);

/** The variable of a cell: `CELL_EU2_OPERATOR_URL`; without a kind that of its URL. */
export const cellVariable = (name: string, kind?: (typeof OTHERS)[number]): string =>
  ['CELL', name.toUpperCase().replaceAll('-', '_'), ...(kind ? [kind] : []), 'URL'].join('_');

/** The variables of cells in an environment, which may contain passwords. */
export const cellVariables = (env: Environment): string[] => [
  ...new Set(
    Object.keys(env)
      .map((name) => name.replace(/_FILE$/, ''))
      .filter((name) => VARIABLE.test(name)),
  ),
];

/** The cells, by their names. @throws ConfigError for a URL of another form, or one without that of the cell itself */
export function cellsOf(env: Environment): readonly CellConfig[] {
  const value = (variable: string): string | undefined => {
    const given = env[variable]?.trim();
    if (given === undefined || given === '') return undefined;
    if (isPostgresUrl(given)) return given;
    throw new ConfigError(
      `${variable} must be a URL of the form postgresql://user:password@host:5432/database.`,
    );
  };
  const cells = cellVariables(env)
    .filter((variable) => !OTHER.test(variable))
    .flatMap((variable) => {
      const url = value(variable);
      if (url === undefined) return [];
      const name = variable.slice('CELL_'.length, -'_URL'.length).toLowerCase().replaceAll('_', '-');
      const [listenUrl, ownerUrl, operatorUrl] = OTHERS.map((kind) => value(cellVariable(name, kind)));
      if (name === 'default') throw new ConfigError('CELL_DEFAULT_URL: the default cell is DATABASE_URL.');
      return [{ name, url, listenUrl, ownerUrl, operatorUrl }];
    });
  const known = new Set(cells.map(({ name }) => cellVariable(name)));
  for (const variable of cellVariables(env).filter((each) => OTHER.test(each))) {
    const main = variable.replace(/_(LISTEN|OWNER|OPERATOR)_URL$/, '_URL');
    if (value(variable) !== undefined && !known.has(main)) {
      throw new ConfigError(`${main} is missing: ${variable} belongs to the same cell.`);
    }
  }
  return cells.sort((one, other) => (one.name < other.name ? -1 : 1));
}
