import process from 'node:process';
import { Command } from 'commander';
import { cellVariable } from '../kernel/config/cells.js';
import { readConfig } from '../kernel/config/config.js';
import { demand } from './connect.js';
import { listCells, rebuildDirectory } from '../services/operator/cells.js';
import type { OperatorConnection } from '../services/operator/operator-connection.js';
import { asOperatorOfCells } from './as-operator.js';
import { printRows } from './output.js';

/** `tenantry directory rebuild` writes the directory anew: docs/cells.md. */
export const directoryCommand = (): Command => {
  const command = new Command('directory');
  command
    .command('rebuild')
    .description('Write anew in which cell each tenant is, from what the cells have')
    .option('--json', 'print JSON also on a terminal')
    .action(async (options: { readonly json?: boolean }) => {
      const configured = readConfig(process.env, 'command').cells;
      const rebuilt = await asOperatorOfCells(async (cells) => {
        const others = new Map<string, OperatorConnection>();
        // All of them, for a tenant of a cell that is left out would look like one that is gone.
        for (const { name } of await listCells(cells.home)) {
          const variable = cellVariable(name, 'OPERATOR');
          demand(configured.find((cell) => cell.name === name)?.operatorUrl, variable);
          others.set(name, cells.named(name));
        }
        return rebuildDirectory(cells.home, others);
      });
      printRows([rebuilt], options);
    });
  return command;
};
