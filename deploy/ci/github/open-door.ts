// What an agent says of its open door in the file of `--output`, and how that is shown to people.
import { readFile } from 'node:fs/promises';

/** Names of the action's outputs, and of the lines of that file. */
export const DOOR_VALUES = ['id', 'url', 'link', 'ssh', 'sftp', 'fingerprint'] as const;

/** None of them is a secret. */
export type OpenDoor = Readonly<Partial<Record<(typeof DOOR_VALUES)[number], string>>>;

/** Reads a file of `name=value` and `name<<DELIMITER` lines; what is not there is left out. Never rejects. */
export async function readOpenDoor(file: string): Promise<OpenDoor> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch {
    return {};
  }
  const values = new Map<string, string>();
  const lines = text.split(/\r?\n/);
  for (let index = 0; index < lines.length; index += 1) {
    const [, name = '', separator, rest = ''] = /^([\w-]+)(=|<<)(.*)$/.exec(lines[index] ?? '') ?? [];
    if (separator === '=') values.set(name, rest);
    if (separator !== '<<') continue;
    const end = lines.indexOf(rest, index + 1);
    if (end === -1) break;
    values.set(name, lines.slice(index + 1, end).join('\n'));
    index = end;
  }
  return Object.fromEntries(
    DOOR_VALUES.flatMap((name) => {
      const value = values.get(name) ?? '';
      return value === '' ? [] : [[name, value]];
    }),
  );
}

/** For the page of the run and for a check run. */
export function markdownOfDoor({ ssh, link, sftp }: OpenDoor): string {
  return [
    ...(link === undefined ? [] : [`[From a browser](${link.replaceAll(')', '%29')})`, '']),
    ...(ssh === undefined ? [] : ['From a terminal:', '', codeBlock(ssh), '']),
    ...(sftp === undefined ? [] : ['Files:', '', codeBlock(sftp), '']),
    'How to enter, and where the client comes from, is in the log of the step.',
  ].join('\n');
}

/** One line for the log, for those who open it when the card has gone by. */
export function reminderOfDoor({ ssh, link }: OpenDoor): string {
  const ways = [ssh, link].filter((way) => way !== undefined);
  return `converge: this job is open for SSH: ${ways.join('   or from a browser: ')}`;
}

/** The fence is longer than any in the text. */
function codeBlock(text: string): string {
  const fences = text.match(/`{3,}/g) ?? [];
  const fence = '`'.repeat(Math.max(3, ...fences.map(({ length }) => length + 1)));
  return `${fence}sh\n${text}\n${fence}`;
}
