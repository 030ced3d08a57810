// The output file: values for the steps after this one, in the form of $GITHUB_OUTPUT.
import { randomUUID } from 'node:crypto';
import { sftpCommand, sshCommand } from '../notices/ssh-command.ts';
import { placeFrom, type ToldCard } from './card-object.ts';

/** A value that would end its line, or be read as more than one by a reader that knows other line ends. */
const ENDS_A_LINE = /[\n\r\v\f\u0085\u2028\u2029]/;

/** Its lines for an open job: no password, and no link that lets in. */
export function outputsFrom(card: Pick<ToldCard, 'destination' | 'hasTerminal'>): string {
  const { id, url, link, fingerprint } = placeFrom(card);
  const { destination } = card;
  return outputText({
    id,
    url,
    link,
    ssh: sshCommand(destination),
    sftp: sftpCommand(destination),
    fingerprint,
  });
}

/**
 * `name=value`, one a line. A value with a line end is put between two delimiters that nobody can guess, so that none of its
 * lines is taken for another value.
 */
export function outputText(values: Readonly<Record<string, string>>): string {
  const lines = Object.entries(values).map(([name, value]) => {
    if (!ENDS_A_LINE.test(value)) return `${name}=${value}`;
    const delimiter = `converge_${randomUUID()}`;
    return `${name}<<${delimiter}\n${value}\n${delimiter}`;
  });
  return `${lines.join('\n')}\n`;
}
