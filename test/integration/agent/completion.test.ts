// Tab behind `converge`, in real shells on a terminal.
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '#shared/time/clock.ts';
import { ensureInstalled, ensurePresent } from '../../../deploy/build/debian-packages.ts';
import {
  type ConvergeCommand,
  installConvergeCommand,
} from '../../../services/agent/converge-command/answering-end.ts';
import { CONVERGE_COMMANDS } from '../../../services/agent/converge-command/commands.ts';
import { completionScript } from '../../../services/agent/converge-command/completion.ts';
import { POSIX_COMMAND_PLACE } from '../../../services/agent/platform/posix/posix-command-place.ts';
import { openTerminal, type Terminal } from '../../support/ssh/ssh-terminal.ts';

const BASH_COMPLETION = '/usr/share/bash-completion/bash_completion';

/** In place of the command: shows the words that a line has come to. */
const SHOWS_ITS_WORDS = `converge() { printf '<%s>' "$@"; echo .; }`;

let folder: string;
let terminals: Terminal[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'completion-'));
  terminals = [];
});
afterEach(async () => {
  for (const terminal of terminals) terminal.close();
  await rm(folder, { recursive: true, force: true });
});

/** A shell that has run `lines`, and shows its prompt. */
async function talkTo(
  [file, ...args]: [string, ...string[]],
  lines: string[],
  env: Record<string, string> = {},
): Promise<Terminal> {
  const terminal = openTerminal(file, args, { PATH: '/usr/bin:/bin', HOME: folder, TERM: 'dumb', ...env });
  terminals.push(terminal);
  await terminal.see(/[#$%] /);
  for (const line of [...lines, SHOWS_ITS_WORDS, 'echo rea""dy']) terminal.type(`${line}\n`);
  await terminal.see(/ready\r?\n/);
  await terminal.see(/[#$%] /);
  return terminal;
}

/** What a shell makes of these keys. */
async function wordsOf(terminal: Terminal, keys: string): Promise<string | undefined> {
  terminal.type(keys);
  const [, words] = await terminal.see(/((?:<[^<>\r\n]*>)+)\.\r?\n/);
  return words;
}

const bash = ['bash', '--norc', '--noprofile', '-i'] as [string, ...string[]];
const zsh = ['zsh', '-f', '-i'] as [string, ...string[]];

describe.each([
  ['bash', bash],
  ['zsh', zsh],
] as const)('in %s', (name, shell) => {
  beforeEach(() => ensureInstalled([name], { bash: 'bash', zsh: 'zsh' }), 120_000);

  test('Tab completes commands and what they take, and nothing else', async () => {
    const script = join(folder, 'script');
    await writeFile(script, completionScript(name));
    const terminal = await talkTo(shell, [`eval "$(cat '${script}')"`]);
    expect(await wordsOf(terminal, 'converge stat\t--j\t\n')).toBe('<status><--json>');
    expect(await wordsOf(terminal, 'converge pas\tof\t\n')).toBe('<password><off>');
    expect(await wordsOf(terminal, 'converge compl\tz\t\n')).toBe('<completion><zsh>');
    expect(await wordsOf(terminal, 'converge release s\t\n')).toBe('<release><s>');
    expect(await wordsOf(terminal, 'converge hold 2\t\n')).toBe('<hold><2h>');
  });

  test('two Tabs show every command', async () => {
    const script = join(folder, 'script');
    await writeFile(script, completionScript(name));
    const terminal = await talkTo(shell, [`eval "$(cat '${script}')"`]);
    terminal.type('converge \t\t');
    // In columns, whose order depends on how many there are.
    const all = CONVERGE_COMMANDS.map((each) => `(?=[^]*\\b${each.name}\\b)`).join('');
    await terminal.see(new RegExp(`^${all}`));
  });
});

describe('a shell of a session', () => {
  let command: ConvergeCommand;

  beforeEach(async () => {
    const start = await installConvergeCommand({
      clock: systemClock,
      place: POSIX_COMMAND_PLACE,
      program: ['/bin/true'],
      temporaryDirectory: folder,
      path: '/usr/bin:/bin',
    });
    if (start.kind === 'unavailable') throw new Error(start.detail);
    command = start.command;
    await ensurePresent(
      () => Promise.resolve(existsSync(BASH_COMPLETION)),
      'bash-completion',
      'bash-completion',
    );
  }, 120_000);
  afterEach(() => command.stop());

  test('completes by itself where bash-completion is on, and still what other programs bring', async () => {
    const terminal = await talkTo(bash, [`. ${BASH_COMPLETION}`], command.shellEnv);
    expect(await wordsOf(terminal, 'converge stat\t--j\t\n')).toBe('<status><--json>');
    terminal.type('tar --delet\t');
    await terminal.see(/tar --delete /);
  });

  test('keeps the folders of data that it had', () => {
    const folders = (had: string | undefined) =>
      POSIX_COMMAND_PLACE.completionEnv?.('/t/share', had)['XDG_DATA_DIRS'];
    expect(folders('/a:/b')).toBe('/a:/b:/t/share');
    expect(folders(undefined)).toBe('/usr/local/share:/usr/share:/t/share');
    expect(folders('')).toBe('/usr/local/share:/usr/share:/t/share');
  });
});
