/** The completion of `tenantry` for shells, written from its commands: no list of them is kept by hand. */
import type { Command } from 'commander';

/** A command, and what may follow it. */
export interface Completed {
  /** The words that lead to it, each with a space before: ` tenant create`; empty for `tenantry` itself. */
  readonly path: string;
  readonly words: readonly { readonly word: string; readonly description: string }[];
  /** The values of options that have a choice, by option. */
  readonly choices: Readonly<Record<string, readonly string[]>>;
}

/** The commands below `command`, and itself. */
export function completed(command: Command, path = ''): Completed[] {
  const options = command.options.filter(({ hidden }) => !hidden);
  const own: Completed = {
    path,
    words: [
      ...command.commands.map((each) => ({ word: each.name(), description: each.description() })),
      ...argumentsOf(command),
      ...options.map(({ long, short, description }) => ({ word: long ?? short ?? '', description })),
      { word: '--help', description: 'display help for command' },
    ],
    choices: Object.fromEntries(
      options.flatMap(({ long, argChoices }) => (long && argChoices ? [[long, argChoices]] : [])),
    ),
  };
  return [own, ...command.commands.flatMap((each) => completed(each, `${path} ${each.name()}`))];
}

/** The values of arguments that have a choice. */
const argumentsOf = (command: Command) =>
  command.registeredArguments.flatMap(({ argChoices = [], description }) =>
    argChoices.map((word) => ({ word, description })),
  );

/** The scripts by shell. */
export const SCRIPTS: Readonly<Record<'bash' | 'zsh' | 'fish', (commands: readonly Completed[]) => string>> =
  {
    bash: (commands) => `# bash completion of tenantry: eval "$(tenantry completion bash)"
_tenantry() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} path='' word words=''
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$path $word" in
      ${pathsOf(commands)}) path="$path $word" ;;
    esac
  done
  case "$path" in
${commands.map(({ path, words }) => `    ${quoted(path)}) words=${quoted(words.map(({ word }) => word).join(' '))} ;;`).join('\n')}
  esac
  case "$path $previous" in
${choicesOf(commands)
  .map(([at, values]) => `    ${quoted(at)}) words=${quoted(values.join(' '))} ;;`)
  .join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -F _tenantry tenantry
`,
    zsh: (commands) => `#compdef tenantry
# zsh completion of tenantry: eval "$(tenantry completion zsh)"
_tenantry() {
  local at='' word
  local -a found
  for word in "\${(@)words[2,CURRENT-1]}"; do
    case "$at $word" in
      ${pathsOf(commands)}) at="$at $word" ;;
    esac
  done
  case "$at" in
${commands
  .map(
    ({ path, words }) =>
      `    ${quoted(path)}) found=(${words.map(({ word, description }) => quoted(`${word.replaceAll(':', '\\:')}:${description}`)).join(' ')}) ;;`,
  )
  .join('\n')}
  esac
  case "$at $words[CURRENT-1]" in
${choicesOf(commands)
  .map(([at, values]) => `    ${quoted(at)}) found=(${values.map(quoted).join(' ')}) ;;`)
  .join('\n')}
  esac
  _describe 'tenantry' found
}
compdef _tenantry tenantry
`,
    fish: (commands) => `# fish completion of tenantry: tenantry completion fish | source
function __tenantry_path
  set -l at ''
  for word in (commandline -opc)[2..]
    switch "$at $word"
      case ${commands
        .filter(({ path }) => path !== '')
        .map(({ path }) => quoted(path))
        .join(' ')}
        set at "$at $word"
    end
  end
  echo -- "$at"
end
complete -c tenantry -f
${commands
  .flatMap(({ path, words, choices }) =>
    words.map(({ word, description }) => {
      const where = `-n ${quoted(`test (__tenantry_path) = "${path}"`)}`;
      const long = /^--(.+)$/.exec(word)?.[1];
      const values = choices[word];
      const what = long === undefined ? `-a ${quoted(word)}` : `-l ${quoted(long)}`;
      const more = values ? ` -x -a ${quoted(values.join(' '))}` : '';
      return `complete -c tenantry ${where} ${what}${more} -d ${quoted(description)}`;
    }),
  )
  .join('\n')}
`,
  };

/** The paths of all commands as a pattern of `case`. */
const pathsOf = (commands: readonly Completed[]): string =>
  commands
    .filter(({ path }) => path !== '')
    .map(({ path }) => quoted(path))
    .join('|');

const choicesOf = (commands: readonly Completed[]): [string, readonly string[]][] =>
  commands.flatMap(({ path, choices }) =>
    Object.entries(choices).map(([option, values]): [string, readonly string[]] => [
      `${path} ${option}`,
      values,
    ]),
  );

/** A text in single quotes, which the three shells read alike: it has neither a quote nor a backslash of its own. */
const quoted = (text: string): string => `'${text.replace(/['\\\n]/g, ' ')}'`;
