// What GitHub's runner obeys in the log and in the files of a step, as its documentation has it; anything else is refused.
// https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands

/** The documented commands, each with the parameters that it may have. */
const COMMANDS: Readonly<Record<string, readonly string[]>> = {
  debug: [],
  notice: ['title', 'file', 'line', 'endline', 'col', 'endcolumn'],
  warning: ['title', 'file', 'line', 'endline', 'col', 'endcolumn'],
  error: ['title', 'file', 'line', 'endline', 'col', 'endcolumn'],
  group: [],
  endgroup: [],
  'add-mask': [],
  'stop-commands': [],
  echo: [],
};

export interface RunnerCommand {
  /** In lower case: names are not case-sensitive. */
  readonly name: string;
  readonly parameters: Readonly<Record<string, string>>;
  readonly data: string;
}

/** A line of the log: a command, or undefined for words. @throws Error for a command that the documentation does not have */
export function parseCommandLine(line: string): RunnerCommand | undefined {
  // The older form is not documented, and obeyed anywhere in a line.
  if (/##\[[\w-]+/.test(line)) throw new Error(`an undocumented command: ${line}`);
  const [, name = '', list = '', data = ''] = /^\s*::([^\s:]+)(?:\s+(.*?))?::(.*)$/.exec(line) ?? [];
  if (name === '') {
    if (/^\s*::/.test(line)) throw new Error(`a command without a name or an end: ${line}`);
    return undefined;
  }
  const known = COMMANDS[name.toLowerCase()];
  if (known === undefined) throw new Error(`an unknown command: ${line}`);
  const parameters: Record<string, string> = {};
  for (const pair of list === '' ? [] : list.split(',')) {
    const [key, value] = splitOnce(pair, '=');
    if (value === undefined || !known.includes(key.trim().toLowerCase()))
      throw new Error(`an unknown parameter "${pair}": ${line}`);
    parameters[key.trim().toLowerCase()] = unescapeParameter(value);
  }
  return { name: name.toLowerCase(), parameters, data: unescapeData(data) };
}

/** Of GITHUB_OUTPUT, GITHUB_STATE and GITHUB_ENV. @throws Error where the runner fails the step */
export function parseAssignments(text: string): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  const lines = text.split('\n');
  for (let index = 0; index < lines.length; index += 1) {
    const line = lines[index] ?? '';
    if (line === '') continue;
    const equals = line.indexOf('=');
    const heredoc = line.indexOf('<<');
    if (heredoc > 0 && (equals === -1 || heredoc < equals)) {
      const delimiter = line.slice(heredoc + 2);
      const end = lines.indexOf(delimiter, index + 1);
      if (delimiter === '' || end === -1) throw new Error(`no end of "${line}"`);
      values.set(line.slice(0, heredoc), lines.slice(index + 1, end).join('\n'));
      index = end;
    } else if (equals > 0) values.set(line.slice(0, equals), line.slice(equals + 1));
    else throw new Error(`neither NAME=VALUE nor NAME<<DELIMITER: ${line}`);
  }
  return values;
}

function splitOnce(text: string, separator: string): [string, string?] {
  const at = text.indexOf(separator);
  return at === -1 ? [text] : [text.slice(0, at), text.slice(at + separator.length)];
}

function unescapeData(text: string): string {
  return text.replaceAll('%0D', '\r').replaceAll('%0A', '\n').replaceAll('%25', '%');
}

function unescapeParameter(text: string): string {
  return unescapeData(text.replaceAll('%3A', ':').replaceAll('%2C', ','));
}
