/** Opens the databases of a server, which are one for everything that names a tenant. */
import { setTimeout as sleep } from 'node:timers/promises';
import { checkRuntimeRole } from './kernel/database/preparation/prepare.js';
import { joinCells, type Cell, type OtherCell } from './kernel/cells/cells.js';
import { Directory } from './kernel/cells/directory.js';
import type { CellConfig } from './kernel/config/cells.js';
import { openCell, type CellOptions } from './open-cell.js';

const CHECKED_AGAIN_MS = 2_000;
/** The fewest connections of a cell: one for look-ups, and one for transactions. */
const FEWEST_CONNECTIONS = 2;

/** A cell beside the default one, with what runs there in the background. */
export interface RunningCell {
  readonly name: string;
  readonly config: CellConfig;
  readonly cell: Cell;
  /** Resolves when the cell was checked, with true; or when the server closes before, with false. */
  readonly checked: Promise<boolean>;
}

export interface OpenCells {
  /** All cells as one. */
  readonly joined: Cell;
  readonly home: Cell;
  readonly others: readonly RunningCell[];
  /** The URL of tenantry_app in the database of a tenant. */
  readonly urlOf: (tenantId: string) => string;
  /** The name of the cell of a tenant; undefined for the default one. */
  readonly cellOf: (tenantId: string) => string | undefined;
}

/**
 * Opens the default cell and those of the configuration. The connections of DATABASE_POOL_SIZE are shared out equally, so
 * a cell that is away holds none of those of the others. Without cells, it is exactly the one database.
 */
export function openCells({ config, poolSize, ...options }: CellOptions): OpenCells {
  const { cells } = config;
  const each =
    cells.length === 0 ? poolSize : Math.max(FEWEST_CONNECTIONS, Math.floor(poolSize / (cells.length + 1)));
  const home = openCell({ ...options, config, poolSize: each });
  if (cells.length === 0) {
    return { joined: home, home, others: [], urlOf: () => options.url, cellOf: () => undefined };
  }
  const { warn, contextKey } = options;
  const directory = new Directory(home.database, warn);
  const stopping = new AbortController();
  const others = cells.map((cell): RunningCell & { readonly other: OtherCell } => {
    const { name, url, listenUrl = url } = cell;
    const opened = openCell({
      ...options,
      config,
      url,
      listenUrl,
      replica: undefined,
      poolSize: each,
      warn: (problem, fields) => warn(problem, { ...fields, cell: name }),
    });
    let isChecked = false;
    const checked = untilChecked(url, contextKey, stopping.signal, (problem) =>
      warn(`the cell ${name} is not served: ${problem}`),
    ).then((passed) => (isChecked = passed));
    const other: OtherCell = {
      ...opened,
      get isChecked() {
        return isChecked;
      },
    };
    return { name, config: cell, cell: opened, other, checked };
  });
  const joined = joinCells(home, new Map(others.map(({ name, other }) => [name, other])), directory);
  return {
    joined: {
      ...joined,
      close: async () => {
        stopping.abort();
        await Promise.all(others.map(({ checked }) => checked));
        await joined.close();
      },
    },
    home,
    others,
    urlOf: (tenantId) => {
      const name = directory.cellOf(tenantId);
      return cells.find((cell) => cell.name === name)?.url ?? options.url;
    },
    cellOf: (tenantId) => directory.cellOf(tenantId),
  };
}

/** Checks a cell as the default one is checked at the start: again and again, until it passes. */
async function untilChecked(
  url: string,
  contextKey: string | undefined,
  signal: AbortSignal,
  tell: (problem: string) => void,
): Promise<boolean> {
  for (let told = ''; !signal.aborted;) {
    try {
      await checkRuntimeRole(url, contextKey);
      return true;
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error);
      if (problem !== told) tell(problem);
      told = problem;
    }
    await sleep(CHECKED_AGAIN_MS, undefined, { signal, ref: false }).catch(() => undefined);
  }
  return false;
}
