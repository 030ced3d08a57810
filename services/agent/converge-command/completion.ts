// Completion of the `converge` command: scripts for bash and zsh, made from the table of its commands.
import { CONVERGE_COMMANDS } from './commands.ts';

/** Shells for which there is one. */
export const COMPLETED_SHELLS = ['bash', 'zsh'] as const;

export type CompletedShell = (typeof COMPLETED_SHELLS)[number];

/** A script that the shell evaluates. That for bash runs in 3.2, which Macs have, and lies where bash-completion finds it. */
export function completionScript(shell: CompletedShell): string {
  return [...(shell === 'bash' ? bashLines() : zshLines()), ''].join('\n');
}

function bashLines(): string[] {
  return [
    '_converge() {',
    "  local IFS=$' \\t\\n' offered=''",
    '  case "$COMP_CWORD:${COMP_WORDS[1]}" in',
    ...caseLines((words) => `offered='${words}'`),
    '  esac',
    '  COMPREPLY=($(compgen -W "$offered" -- "${COMP_WORDS[COMP_CWORD]}"))',
    '}',
    'complete -F _converge converge',
  ];
}

function zshLines(): string[] {
  return [
    '_converge() {',
    '  emulate -L zsh',
    '  local -a offered',
    '  case "$((CURRENT - 1)):$words[2]" in',
    ...caseLines((words) => `offered=(${words})`),
    '  esac',
    '  compadd -a offered',
    '}',
    // Where completion is not on yet. It writes no file, and asks nothing.
    '(( $+functions[compdef] )) || { autoload -Uz compinit && compinit -i -D }',
    'compdef _converge converge',
  ];
}

/** What is offered behind which words. Those of the table mean nothing to a shell. */
function caseLines(assignment: (words: string) => string): string[] {
  const names = CONVERGE_COMMANDS.map(({ name }) => name);
  const cases = [
    ['1:*', names] as const,
    ...CONVERGE_COMMANDS.map(({ name, offers }) => [`2:${name}`, offers] as const),
  ];
  return cases
    .filter(([, words]) => words.length > 0)
    .map(([pattern, words]) => `    ${pattern}) ${assignment(words.join(' '))} ;;`);
}
