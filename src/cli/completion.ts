import process from 'node:process';
import { Argument, Command } from 'commander';
import { completed, SCRIPTS } from './completion-scripts.js';

/** All commands by name. */
type Commands = Readonly<
  Record<string, { readonly description: string; readonly load: () => Promise<Command> }>
>;

/** `tenantry completion bash|zsh|fish` prints what makes a shell complete these commands. */
export const completionCommand = (commands: Commands): Command =>
  new Command('completion')
    .addArgument(new Argument('<shell>', 'the shell').choices(Object.keys(SCRIPTS)))
    .action(async (shell: keyof typeof SCRIPTS) => {
      const all = new Command('tenantry');
      for (const { description, load } of Object.values(commands)) {
        all.addCommand((await load()).description(description));
      }
      process.stdout.write(SCRIPTS[shell](completed(all)));
    });
