// What `wsproxy exec` is made of: words for the job's shell, the answer for ssh, what the end means, bounded output.
import { execFileSync } from 'node:child_process';
import { PassThrough } from 'node:stream';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { eventLine, storyOf } from '../../../../services/clients/command-line/connection-event.ts';
import { askpassAnswer, askpassEnvironment } from '../../../../services/clients/exec/askpass.ts';
import {
  execOutcomeOf,
  exitCodeOf,
  type SshProcessEnd,
} from '../../../../services/clients/exec/exec-outcome.ts';
import { execArguments } from '../../../../services/clients/exec/exec-request.ts';
import { KeptOutput, MAX_EXEC_OUTPUT_BYTES } from '../../../../services/clients/exec/kept-output.ts';
import { remoteCommand } from '../../../../services/clients/exec/remote-command.ts';
import { parseWsproxyCommand } from '../../../../services/clients/wsproxy/cli.ts';
import type { OwnProgram } from '../../../../services/clients/wsproxy/own-program.ts';

const PINNED = `wss://relay.example/client/Job-1#SHA256:${'a'.repeat(42)}A`;
const SELF: OwnProgram = { words: ['/opt/wsproxy'], platform: 'linux' };
const FILES = { log: '/tmp/x/log', events: '/tmp/x/events' };

describe('the words of a command', () => {
  test('reach a program through a POSIX shell as they are, whatever is in them', () => {
    // All that some shell acts on, and a few that none does.
    const signs = fc.constantFrom(...' $`"\'\\*?~#;&|<>(){}[]!=-%@\n\täa1'.split(''));
    const words = fc.array(fc.string({ unit: signs, maxLength: 8 }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(words, (list) => {
        const told = execFileSync('sh', ['-c', remoteCommand(['printf', '%s\\0', ...list], 'sh')]);
        expect(told.toString().split('\0').slice(0, -1)).toEqual(list);
      }),
      { numRuns: 40 },
    );
  });

  test.each([
    [['ls', '-la', '/tmp'], "ls '-la' /tmp"],
    [['A=b', 'c'], "'A=b' c"],
    [['sh', '-c', 'echo "$HOME"'], `sh '-c' 'echo "$HOME"'`],
  ])('%j stay readable: %s', (words, line) => {
    expect(remoteCommand(words, 'sh')).toBe(line);
  });

  test('are a call for PowerShell, and as ssh has them where nothing is quoted', () => {
    expect(remoteCommand(['my tool', "it's", '$x'], 'powershell')).toBe(
      "& 'my tool' 'it''s' '$x'; exit $LASTEXITCODE",
    );
    // PowerShell takes these for quotes as well: a file name must not end its own.
    expect(remoteCommand(['echo', 'a\u2019; calc #', '\u2018\u201a\u201b'], 'powershell')).toBe(
      "& 'echo' 'a\u2019\u2019; calc #' '\u2018\u2018\u201a\u201a\u201b\u201b'; exit $LASTEXITCODE",
    );
    expect(remoteCommand(['dir', '/b', 'C:\\a b'], 'none')).toBe('dir /b C:\\a b');
  });
});

describe('the command line', () => {
  const parse = (...args: string[]): ReturnType<typeof parseWsproxyCommand> =>
    parseWsproxyCommand(['exec', ...args], { CONVERGE_PASSWORD: 'secret' }, SELF);

  test('has options of wsproxy, the URL, options of ssh and the command, in this order', () => {
    const request = parse(
      '--timeout',
      '1m',
      '--json',
      '--wait',
      '5m',
      PINNED,
      '-i',
      'my key',
      '--',
      'ls',
      '--json',
    );
    expect(request).toMatchObject({
      kind: 'exec',
      timeoutMs: 60_000,
      isJson: true,
      options: ['-i', 'my key'],
      command: "ls '--json'",
      password: { kind: 'text', text: 'secret' },
    });
    if (request.kind !== 'exec') throw new Error('no request');
    const words = execArguments(request, FILES);
    expect(words).toContain(`ProxyCommand=/opt/wsproxy --wait 5m --events /tmp/x/events "${PINNED}"`);
    expect(words.slice(-3)).toEqual(['abc@Job-1', '--', "ls '--json'"]);
    // Of an option that is given twice ssh takes the first: the person's come before ours.
    expect(words.indexOf('my key')).toBeLessThan(words.indexOf('-o'));
    expect(words).not.toContain('secret');
  });

  test('asks nobody: without a password not at all, with one once', () => {
    const [without, with_] = [{}, { CONVERGE_PASSWORD: 'secret' }].map((env) => {
      const request = parseWsproxyCommand(['exec', PINNED, '--', 'true'], env, SELF);
      return request.kind === 'exec' ? execArguments(request, FILES) : [];
    });
    expect(without).toContain('BatchMode=yes');
    expect(with_).toEqual(expect.arrayContaining(['BatchMode=no', 'NumberOfPasswordPrompts=1']));
    for (const words of [without, with_])
      expect(words).toEqual(expect.arrayContaining(['-T', 'ControlPath=none']));
  });

  test('no limit is 0, as for timeout(1)', () => {
    expect(parse('--timeout', '0', PINNED, '--', 'true')).toMatchObject({
      kind: 'exec',
      timeoutMs: undefined,
    });
  });

  test.each([
    [[], /URL is missing/],
    [['--', 'ls'], /command stands behind --/],
    [[PINNED], /command stands behind --/],
    [[PINNED, '--'], /command stands behind --/],
    [[PINNED, 'ls', '-l'], /command stands behind --/],
    [[PINNED, 'ls', '--', 'x'], /"ls" is no option of ssh/],
    [[PINNED.replace(/#.*/, ''), '--', 'ls'], /nobody is here to compare the host key/],
    [['--timeout', 'soon', PINNED, '--', 'ls'], /--timeout: "soon" is not a duration/],
    [['--quote', 'cmd', PINNED, '--', 'ls'], /--quote: "cmd" is none of sh, powershell, none/],
    [['-i', 'key', PINNED, '--', 'ls'], /no option -i; .*those of ssh stand behind the URL/],
    [['job-1', '--', 'ls'], /"job-1" is not a URL/],
  ])('%j is refused', (args, message) => {
    expect(parse(...args)).toMatchObject({ kind: 'invalid', message: expect.stringMatching(message) });
  });

  test('a wsproxy that writes events asks nobody to sign on; one that prints them may', () => {
    const [toFile, toStderr] = [['--events', '/tmp/e'], ['--json']].map((options) =>
      parseWsproxyCommand([...options, PINNED], {}, SELF),
    );
    expect(toFile).toMatchObject({
      events: { kind: 'file', file: '/tmp/e' },
      identity: { isUnattended: true },
    });
    expect(toStderr).toMatchObject({ events: { kind: 'stderr' } });
    expect(toStderr).not.toMatchObject({ identity: { isUnattended: true } });
    const tool = parseWsproxyCommand(['ssh', '--json', PINNED], {}, SELF);
    expect(tool).toMatchObject({ kind: 'tool', isJson: true });
    expect(tool.kind === 'tool' ? tool.words : []).toContain(`ProxyCommand=/opt/wsproxy --json "${PINNED}"`);
  });
});

describe('the answer to ssh', () => {
  const env = askpassEnvironment('/opt/wsproxy', 'secret', {});

  test.each([["abc@Job-1's password: "], ['(abc@Job-1) Password: ']])('to %j is the password', (prompt) => {
    expect(askpassAnswer([prompt], env)).toEqual({ kind: 'password', text: 'secret' });
  });

  test.each([
    ['Enter passphrase for key "/home/me/.ssh/id_ed25519": '],
    ['The authenticity of host … Are you sure you want to continue connecting (yes/no/[fingerprint])? '],
    ['password: is what you type; Enter PIN for key:'],
  ])('to %j is none: it is another secret', (prompt) => {
    expect(askpassAnswer([prompt], env)).toEqual({ kind: 'refused' });
  });

  test('is asked of no other call: the wsproxy below ssh has the same environment', () => {
    expect(askpassAnswer(['--events', '/tmp/e', PINNED], env)).toBeUndefined();
    expect(askpassAnswer(["abc@Job-1's password: "], { CONVERGE_PASSWORD: 'secret' })).toBeUndefined();
  });
});

test('an event gives no orders to the CI system whose log it is printed into, and is read as it was', () => {
  const event = { event: 'connected', id: 'x', relay: '[::1]:8080##[error]\u202e' } as const;
  const line = eventLine(event, 0);
  expect(line).not.toMatch(/##|::|\u202e/);
  expect(JSON.parse(line)).toMatchObject(event);
});

describe('the end of ssh', () => {
  const closed = (exitCode: number, message?: string): SshProcessEnd['story'] =>
    storyOf(
      [
        ...(message === undefined ? [] : [eventLine({ event: 'note', message }, 0)]),
        eventLine({ event: 'closed', exitCode }, 0),
      ].join(''),
    );
  const connected = (exitCode: number): SshProcessEnd['story'] =>
    storyOf(
      eventLine({ event: 'connected', id: 'x', relay: 'h' }, 0) + eventLine({ event: 'closed', exitCode }, 0),
    );
  const end = (parts: Partial<SshProcessEnd>): SshProcessEnd => ({
    code: 255,
    log: '',
    story: connected(0),
    user: 'abc',
    hasPassword: false,
    ...parts,
  });

  test.each([0, 1, 7, 124, 254, 255])('with %d and nothing to say is the command’s own', (code) => {
    const outcome = execOutcomeOf(end({ code }));
    expect(outcome).toEqual({ kind: 'exited', code });
    expect(exitCodeOf(outcome)).toBe(code);
  });

  test.each<[string, Partial<SshProcessEnd>, string, RegExp]>([
    [
      'no agent',
      { story: closed(4, 'no agent `x` at h'), log: 'Connection closed by UNKNOWN port 65535' },
      'refused',
      /^no agent/,
    ],
    ['no relay', { story: closed(3, 'relay h:1: connection refused') }, 'unreachable', /^relay h:1/],
    [
      'a loss on the way',
      { story: connected(3), log: 'client_loop: send disconnect: Broken pipe' },
      'connection_lost',
      /wsproxy ended with 3/,
    ],
    [
      'another host key',
      { story: closed(6, 'host key mismatch: …') },
      'host_key_mismatch',
      /^host key mismatch/,
    ],
    [
      'a key that is not known',
      { log: 'abc@x: Permission denied (publickey).\r\n' },
      'not_let_in',
      /certain keys only; -i FILE/,
    ],
    [
      'no password',
      { log: 'abc@x: Permission denied (publickey,password).' },
      'not_let_in',
      /CONVERGE_PASSWORD/,
    ],
    [
      'a wrong password',
      { log: 'abc@x: Permission denied (password).', hasPassword: true },
      'not_let_in',
      /not the one of this job/,
    ],
    [
      'an option that ssh does not know',
      { story: storyOf(''), log: 'command-line: line 0: Bad configuration option: x\r\n' },
      'fault',
      /^ssh failed: command-line/,
    ],
    [
      'a disconnect',
      { log: 'Connection to x closed by remote host.' },
      'connection_lost',
      /^ssh failed: Connection to x closed/,
    ],
  ])('over %s is ssh’s own, with a sentence', (_what, parts, reason, message) => {
    const outcome = execOutcomeOf(end(parts));
    expect(outcome).toMatchObject({ kind: 'failed', reason, message: expect.stringMatching(message) });
    expect(exitCodeOf(outcome)).toBe(255);
  });

  test('by the limit is 124, by a signal 128 and more', () => {
    expect(exitCodeOf({ kind: 'timed_out', message: '' })).toBe(124);
    expect(exitCodeOf({ kind: 'interrupted', signal: 15 })).toBe(143);
  });
});

describe('the output that is kept', () => {
  async function keep(...chunks: (string | Buffer)[]): Promise<ReturnType<KeptOutput['result']>> {
    const [stream, output] = [new PassThrough(), new KeptOutput()];
    output.read(stream);
    for (const chunk of chunks) stream.write(chunk);
    stream.end();
    await new Promise((resolve) => stream.once('end', resolve));
    return output.result();
  }

  test('is text, or base64 of what is none', async () => {
    expect(await keep('ä', '\n')).toEqual({ text: 'ä\n', encoding: 'utf-8', bytes: 3 });
    expect(await keep(Buffer.from([0xff, 0x00]))).toEqual({ text: '/wA=', encoding: 'base64', bytes: 2 });
  });

  test('is bounded, counted to the end, and not cut inside a character', async () => {
    const most = 'x'.repeat(MAX_EXEC_OUTPUT_BYTES - 1);
    const { text, encoding, bytes } = await keep(most, 'äöü', 'more');
    expect({ length: text.length, encoding, bytes }).toEqual({
      length: MAX_EXEC_OUTPUT_BYTES - 1,
      encoding: 'utf-8',
      bytes: MAX_EXEC_OUTPUT_BYTES - 1 + 6 + 4,
    });
  });
});
