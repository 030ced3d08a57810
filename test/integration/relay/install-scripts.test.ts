// agent.sh and client.sh, from a real relay, in the shells and with the tools that images have.
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { type IncomingMessage, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { findCommand } from '../../../deploy/build/debian-packages.ts';
import { KNOWN_PLATFORMS } from '../../../services/relay/http/download/platform.ts';
import { fillPath } from '../../support/machine/bare-path.ts';
import { ensureCommands } from '../../support/machine/test-commands.ts';
import { type RunningRelay, startRelay } from '../../support/relay/relay.ts';

const HERE = `${process.platform}-${process.arch}`;
/** What the scripts need of any image, beside what they choose from. */
const BASE = ['uname', 'mktemp', 'mkdir', 'rm', 'chmod', 'mv'];
const SHELLS = [['dash'], ['busybox', 'sh'], ['bash', '--posix'], ['mksh'], ['zsh'], ['yash']] as const;

/** Says what it was given, and ends with a code of its own. */
const AGENT = `#!/bin/sh
printf '<%s>' agent "$@"
printf ' %s\\n' "$CONVERGE_URL"
exit 7
`;

let folder: string;
let downloads: string;
let relay: RunningRelay;
let origin: string;
let work: string;
let temporary: string;

beforeAll(async () => {
  await ensureCommands([
    'busybox',
    'curl',
    'dash',
    'mksh',
    'openssl',
    'perl',
    'python3',
    'wget',
    'yash',
    'zsh',
  ]);
  folder = await mkdtemp(join(tmpdir(), 'converge-install-'));
  downloads = await makeDownloads({
    [`agent-${HERE}`]: AGENT,
    'agent-plan9-mips': 'for nobody',
    [`wsproxy-${HERE}`]: '#!/bin/sh\necho wsproxy',
    [`tcptows-${HERE}`]: '#!/bin/sh\necho tcptows',
  });
  relay = await startRelay({ downloads });
  origin = `127.0.0.1:${relay.port}`;
});
afterAll(async () => {
  await relay[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});
beforeEach(async () => {
  work = await mkdtemp(join(folder, 'work-'));
  temporary = await mkdtemp(join(folder, 'tmp-'));
});
afterEach(async () => {
  expect(await readdir(temporary), 'nothing is left in TMPDIR').toEqual([]);
});

async function makeDownloads(files: Readonly<Record<string, string>>): Promise<string> {
  const made = await mkdtemp(join(folder, 'downloads-'));
  let sums = '';
  for (const [name, content] of Object.entries(files)) {
    await writeFile(join(made, name), content);
    sums += `${createHash('sha256').update(content).digest('hex')}  ${name}\n`;
  }
  await writeFile(join(made, 'SHA256SUMS'), sums);
  return made;
}

async function scriptOf(name: string, from = origin): Promise<string> {
  const answer = await fetch(`http://${from}/docs/${name}`);
  expect(answer.status).toBe(200);
  return answer.text();
}

/** What the relay answers to a Host that fetch would not send. */
async function fetchAs(host: string, path: string): Promise<unknown> {
  const asked = request({ port: relay.port, path, headers: { host } }).end();
  const [answer] = (await once(asked, 'response')) as [IncomingMessage];
  return json(answer);
}

interface Run {
  readonly shell?: readonly [string, ...string[]];
  readonly args?: readonly string[];
  readonly path?: string;
  readonly env?: Readonly<Record<string, string>>;
}

interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function start(
  script: string,
  { shell = ['dash'], args = [], path, env }: Run,
): ChildProcessWithoutNullStreams {
  const [program, ...options] = shell;
  const child = spawn(findCommand(program) ?? program, [...options, '-s', '--', ...args], {
    cwd: work,
    env: { PATH: path ?? process.env['PATH'], HOME: work, TMPDIR: temporary, ...env },
  });
  child.stdin.on('error', () => undefined).end(script);
  return child;
}

/** As at the end of a pipe: the script is the shell's input. */
async function run(script: string, how: Run = {}): Promise<Outcome> {
  const child = start(script, how);
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stdout, stderr };
}

/** A PATH with the base and these. */
async function pathWith(...commands: string[]): Promise<string> {
  const path = await mkdtemp(join(folder, 'path-'));
  await fillPath(path, [...BASE, ...commands]);
  return path;
}

describe('agent.sh', () => {
  test.each(SHELLS)('runs the agent with its options and the URL of this relay, in %s', async (...shell) => {
    const words = shell.filter((word) => typeof word === 'string') as [string, ...string[]];
    const args = ['--timeout', '5m', 'two words', ''];
    expect(await run(await scriptOf('agent.sh'), { shell: words, args })).toEqual({
      code: 7,
      stdout: `<agent><--timeout><5m><two words><> ws://${origin}/agent\n`,
      stderr: '',
    });
  });

  test.each(['curl', 'wget', 'busybox:wget', 'python3', 'perl'])(
    'gets it with nothing but %s',
    async (tool) => {
      const path = await pathWith(tool, 'sha256sum');
      expect(await run(await scriptOf('agent.sh'), { path })).toMatchObject({ code: 7, stderr: '' });
    },
  );

  test.each(['sha256sum', 'busybox:sha256sum', 'shasum', 'openssl', 'python3', 'perl'])(
    'checks it with nothing but %s, and refuses another',
    async (tool) => {
      const path = await pathWith('curl', tool);
      const script = await scriptOf('agent.sh');
      expect(await run(script, { path })).toMatchObject({ code: 7, stderr: '' });
      const other = script.replace(/[0-9a-f]{64}/g, 'f'.repeat(64));
      const { code, stdout, stderr } = await run(other, { path });
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
      expect(stderr).toContain(`refused: http://${origin}/docs/agent-${HERE} is another file than the one`);
    },
  );

  test.each([
    ['libz', '--compressed -fsSL'],
    ['nothing', '-fsSL'],
  ])('asks for the compressed form where curl knows %s', async (feature, options) => {
    const path = await pathWith('sha256sum');
    const curl = `#!/bin/sh
case $1 in -V) echo 'Features: IPv6 ${feature}' ;; *) echo "$*" >>told; exec '${findCommand('curl')}' "$@" ;; esac\n`;
    await writeFile(join(path, 'curl'), curl, { mode: 0o755 });
    expect(await run(await scriptOf('agent.sh'), { path })).toMatchObject({ code: 7, stderr: '' });
    expect(await readFile(join(work, 'told'), 'utf8')).toMatch(new RegExp(`^${options} -o `));
  });

  test('goes on to the next tool where one fails', async () => {
    const path = await pathWith('wget', 'sha256sum');
    await writeFile(join(path, 'curl'), '#!/bin/sh\necho "no TLS" >&2\nexit 1\n', { mode: 0o755 });
    expect(await run(await scriptOf('agent.sh'), { path })).toMatchObject({ code: 7, stderr: 'no TLS\n' });
  });

  test('says so where nothing gets or checks a file, and runs nothing', async () => {
    const script = await scriptOf('agent.sh');
    expect(await run(script, { path: await pathWith('sha256sum') })).toEqual({
      code: 1,
      stdout: '',
      stderr:
        `converge: there is no curl, wget, python3 or perl here to get http://${origin}/docs/agent-${HERE} with; ` +
        'install one of them\n',
    });
    const { code, stdout, stderr } = await run(script, { path: await pathWith('curl') });
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain('there is no sha256sum, shasum, openssl, python3 or perl here to check');
  });

  test('says what it tried where the relay does not answer', async () => {
    const script = (await scriptOf('agent.sh')).replaceAll(origin, '127.0.0.1:1');
    const { code, stderr } = await run(script, { path: await pathWith('curl', 'wget', 'sha256sum') });
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /converge: cannot get http:\/\/127\.0\.0\.1:1\/docs\/agent-\S+ \(tried: curl, wget\)\n$/,
    );
  });

  test.each([
    ['SunOS', 'sun4v', 'SunOS-sun4v'],
    ['Darwin', 'arm64', 'darwin-arm64'],
    ['Linux', 'armv7l', 'linux-armv7l'],
    ['Linux', 'i686', 'linux-i686'],
    ['Linux', 'riscv64', 'linux-riscv64'],
    ['Linux', 'ppc64le', 'linux-ppc64le'],
    ['MINGW64_NT-10.0', 'x86_64', 'windows-x64'],
  ])('refuses %s on %s, with what there is', async (system, machine, platform) => {
    const path = await pathOf(system, machine);
    expect(await run(await scriptOf('agent.sh'), { path })).toEqual({
      code: 1,
      stdout: '',
      stderr: `converge: there is no agent for ${platform} at http://${origin}; there is ${HERE}, plan9-mips\n`,
    });
  });

  /** A PATH whose uname and sysctl are those of another machine; `translated` is what Rosetta says. */
  async function pathOf(system: string, machine: string, translated?: string): Promise<string> {
    const path = await pathWith('curl', 'sha256sum');
    await rm(join(path, 'uname'));
    const uname = `#!/bin/sh\ncase $1 in -s) echo '${system}' ;; -m) echo ${machine} ;; esac\n`;
    await writeFile(join(path, 'uname'), uname, { mode: 0o755 });
    if (translated !== undefined)
      await writeFile(
        join(path, 'sysctl'),
        `#!/bin/sh\n[ "$*" = "-n sysctl.proc_translated" ] && echo ${translated}\n`,
        { mode: 0o755 },
      );
    return path;
  }

  test.each([
    ['Darwin', 'arm64', '0', 'darwin-arm64'],
    ['Darwin', 'x86_64', '0', 'darwin-x64'],
    ['Darwin', 'x86_64', '1', 'darwin-arm64'],
    ['Darwin', 'x86_64', undefined, 'darwin-x64'],
    ['Linux', 'x86_64', '1', 'linux-x64'],
    ['Linux', 'aarch64', undefined, 'linux-arm64'],
    ['MINGW64_NT-10.0-22631', 'x86_64', undefined, 'windows-x64'],
    ['MSYS_NT-10.0-26100-ARM64', 'aarch64', undefined, 'windows-x64'],
  ])('on %s, %s, Rosetta %s, runs the agent for %s', async (system, machine, translated, platform) => {
    const agents = KNOWN_PLATFORMS.map((known) => [
      `agent-${known}${known.startsWith('windows') ? '.exe' : ''}`,
      `#!/bin/sh\necho '${known}' as "\${0##*/}"\n`,
    ]);
    await using other = await startRelay({ downloads: await makeDownloads(Object.fromEntries(agents)) });
    const path = await pathOf(system, machine, translated);
    const { code, stdout, stderr } = await run(await scriptOf('agent.sh', `127.0.0.1:${other.port}`), {
      path,
    });
    const name = platform.startsWith('windows') ? 'agent.exe' : 'agent';
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: `${platform} as ${name}\n`, stderr: '' });
  });

  test('of which only a part came runs nothing, in any shell, wherever it was cut', async () => {
    const script = await scriptOf('agent.sh');
    const path = await pathWith('curl', 'sha256sum');
    const cuts = [...Array(40).keys()].map((part) => Math.floor((script.length * part) / 40));
    const last = [...Array(30).keys()].map((back) => script.length - 3 - back);
    const shells = [
      ...cuts.map(() => SHELLS[0]),
      ...last.map((at) => SHELLS[at % SHELLS.length] ?? SHELLS[0]),
    ];
    for (const [index, cut] of [...cuts, ...last].entries()) {
      const { stdout } = await run(script.slice(0, cut), { path, shell: [...(shells[index] ?? SHELLS[0])] });
      expect(stdout, `cut at ${cut} of ${script.length}`).toBe('');
    }
  });

  test('takes another folder where the first takes no files, and the URL that it is given', async () => {
    const url = 'wss://elsewhere.example/agent/job';
    const env = { TMPDIR: '/proc', CONVERGE_URL: url };
    expect(await run(await scriptOf('agent.sh'), { env })).toMatchObject({ stdout: `<agent> ${url}\n` });
  });

  test('needs no mktemp', async () => {
    const path = await pathWith('curl', 'sha256sum');
    await rm(join(path, 'mktemp'));
    expect(await run(await scriptOf('agent.sh'), { path })).toMatchObject({ code: 7, stderr: '' });
  });

  test.each(SHELLS)('passes SIGTERM on, and ends as the agent does, in %s', async (...shell) => {
    const words = shell.filter((word) => typeof word === 'string') as [string, ...string[]];
    const patient = `#!${findCommand('perl')}
$SIG{TERM} = sub { print "told\\n"; exit 9 };
$| = 1;
print "up\\n";
select undef, undef, undef, 0.1 while 1;
`;
    await using other = await startRelay({ downloads: await makeDownloads({ [`agent-${HERE}`]: patient }) });
    const child = start(await scriptOf('agent.sh', `127.0.0.1:${other.port}`), { shell: words });
    let stdout = '';
    for await (const text of child.stdout.setEncoding('utf8') as AsyncIterable<string>) {
      if (stdout === '') child.kill('SIGTERM');
      stdout += text;
    }
    expect(stdout).toBe('up\ntold\n');
    expect(child.exitCode ?? ((await once(child, 'exit')) as [number])[0]).toBe(9);
  });

  test.each(SHELLS)(
    '`run` is the agent’s, and without an agent the command runs alone, in %s',
    async (...shell) => {
      const words = shell.filter((word) => typeof word === 'string') as [string, ...string[]];
      const args = ['run', '--timeout', '1m', '--', 'sh', '-c', 'echo "<$1>"; exit 42', 'sh', 'a  b'];
      const script = await scriptOf('agent.sh');
      expect(await run(script, { args, shell: words })).toMatchObject({
        code: 7,
        stdout: expect.stringMatching(/^<agent><run><--timeout><1m><--><sh><-c>/),
      });
      const cannot = await pathWith('printf', 'sh', 'sha256sum');
      const alone = await run(script, { args, shell: words, path: cannot });
      expect(alone).toMatchObject({ code: 42, stdout: '<a  b>\n' });
      expect(alone.stderr).toMatch(
        /^converge: there is no curl, .*\nconverge: the command runs without Converge\n$/,
      );
      const other = script.replaceAll(/ [0-9a-f]{64} /g, ` ${'0'.repeat(64)} `);
      const refused = await run(other, { args, shell: words });
      expect(refused).toMatchObject({ code: 42, stdout: '<a  b>\n' });
      expect(refused.stderr).toContain('refused: ');
      expect(await run(script, { args: ['run'], shell: words, path: cannot })).toMatchObject({
        code: 1,
        stdout: '',
      });
    },
  );

  test.each([
    ['is for another system', '\x7fELF and no more'],
    ['says that this machine is none for it', '#!/bin/sh\necho too little >&2\nexit 126\n'],
    ['is killed', '#!/bin/sh\nkill -KILL $$\n'],
  ])('where the agent %s, `run` runs the command alone, and leaves nothing', async (_, program) => {
    await using other = await startRelay({ downloads: await makeDownloads({ [`agent-${HERE}`]: program }) });
    const script = await scriptOf('agent.sh', `127.0.0.1:${other.port}`);
    const args = ['run', '--', 'sh', '-c', 'echo ran; exit 42'];
    const alone = await run(script, { args });
    expect(alone).toMatchObject({ code: 42, stdout: 'ran\n' });
    expect(alone.stderr).toMatch(/\nconverge: the command runs without Converge\n$/);
    expect(await readdir(temporary)).toEqual([]);
  });

  test('lets the files of the session be what they would be without it', async () => {
    const marked = '#!/bin/sh\n: >made\n';
    await using other = await startRelay({ downloads: await makeDownloads({ [`agent-${HERE}`]: marked }) });
    const path = await pathWith('curl', 'sha256sum');
    await rm(join(path, 'mktemp'));
    await run(await scriptOf('agent.sh', `127.0.0.1:${other.port}`), { path });
    expect(((await stat(join(work, 'made'))).mode & 0o777).toString(8)).toBe(
      (0o666 & ~process.umask()).toString(8),
    );
  });
});

describe('client.sh', () => {
  test.each(SHELLS)('leaves both programs in this folder, and says what to type, in %s', async (...shell) => {
    const words = shell.filter((word) => typeof word === 'string') as [string, ...string[]];
    expect(await run(await scriptOf('client.sh'), { shell: words })).toEqual({
      code: 0,
      stdout:
        'wsproxy and tcptows are in .. Next, with the URL of the job log:\n' +
        `  ./wsproxy ssh 'ws://${origin}/client/ID'\n`,
      stderr: '',
    });
    expect((await readdir(work)).sort()).toEqual(['tcptows', 'wsproxy']);
    for (const name of ['tcptows', 'wsproxy']) {
      expect(await run(`./${name}\n`)).toMatchObject({ stdout: `${name}\n` });
    }
  });

  test('makes the folder that it is given', async () => {
    const { stdout } = await run(await scriptOf('client.sh'), { args: ['my bin/new'] });
    expect(stdout).toContain('  ./my bin/new/wsproxy ssh ');
    expect(await readdir(join(work, 'my bin/new'))).toEqual(['tcptows', 'wsproxy']);
  });

  test('leaves what is there alone where one of the two is refused', async () => {
    await writeFile(join(work, 'wsproxy'), 'mine');
    const script = (await scriptOf('client.sh')).replace(
      /(tcptows \S+) [0-9a-f]{64}/,
      `$1 ${'0'.repeat(64)}`,
    );
    expect(await run(script)).toMatchObject({ code: 1, stdout: '' });
    expect(await readdir(work)).toEqual(['wsproxy']);
    expect(await readFile(join(work, 'wsproxy'), 'utf8')).toBe('mine');
  });

  test('names wsproxy.mjs where there is no program for the machine, and programs of Windows as Windows does', async () => {
    const files = {
      'wsproxy-windows-x64.exe': 'MZ',
      'tcptows-windows-x64.exe': 'MZ',
      'wsproxy.mjs': '#!/usr/bin/env node\n',
    };
    await using other = await startRelay({ downloads: await makeDownloads(files) });
    const at = `127.0.0.1:${other.port}`;
    expect(await run(await scriptOf('client.sh', at))).toEqual({
      code: 1,
      stdout: '',
      stderr:
        `converge: there is no wsproxy for ${HERE} at http://${at}; there is windows-x64; ` +
        `with Node 20 or newer take http://${at}/docs/wsproxy.mjs: node wsproxy.mjs ssh URL\n`,
    });
    const path = await pathWith('curl', 'sha256sum');
    await rm(join(path, 'uname'));
    await writeFile(join(path, 'uname'), '#!/bin/sh\necho MINGW64_NT-10.0\n', { mode: 0o755 });
    const got = await run(await scriptOf('client.sh', at), { path });
    expect(got).toMatchObject({ code: 0, stderr: '' });
    expect(got.stdout).toContain('  ./wsproxy.exe ssh ');
    expect((await readdir(work)).sort()).toEqual(['tcptows.exe', 'wsproxy.exe']);
  });

  test('names a folder that it cannot use', async () => {
    await mkdir(join(work, 'a'));
    await writeFile(join(work, 'a/file'), '');
    await chmod(join(work, 'a/file'), 0o600);
    const { code, stderr } = await run(await scriptOf('client.sh'), { args: ['a/file/bin'] });
    expect(code).toBe(1);
    expect(stderr).toContain('converge: cannot make the folder a/file/bin; name another: sh -s -- FOLDER\n');
  });
});

describe('for PowerShell, which nobody has here, so that they are read', () => {
  /** What both PowerShells know: 5.1 has no operators of shells, no `??`, and no `? :`. */
  const KNOWN_WORDS = new Set([
    'Get-FileHash',
    'Invoke-WebRequest',
    'Join-Path',
    'Move-Item',
    'New-Item',
    'Remove-Item',
    'Resolve-Path',
    'Select-Object',
    'Set-StrictMode',
    'Test-Path',
    'Write-Host',
  ]);

  let windows: RunningRelay;
  let at: string;

  beforeAll(async () => {
    windows = await startRelay({
      downloads: await makeDownloads({
        'agent-windows-x64.exe': 'agent',
        'agent-linux-x64': 'another',
        'wsproxy-windows-x64.exe': 'wsproxy',
        'tcptows-windows-x64.exe': 'tcptows',
      }),
      env: { PUBLIC_URL: "https://relay.example/it's/$(x)" },
    });
    at = `127.0.0.1:${windows.port}`;
  });
  afterAll(() => windows[Symbol.asyncDispose]());

  /** Without strings and comments, what is left of each bracket. */
  function bracketsOf(script: string): string {
    const code = script.replaceAll(/#.*|'(?:[^']|'')*'|"(?:[^"]|"")*"/g, '');
    return code.replaceAll(/[^(){}[\]]/g, '');
  }

  function isBalanced(brackets: string): boolean {
    let left = brackets;
    for (let before = ''; before !== left; ) {
      before = left;
      left = left.replaceAll(/\(\)|\{\}|\[\]/g, '');
    }
    return left === '';
  }

  test.each([
    ['agent.ps1', ['agent']],
    ['client.ps1', ['wsproxy', 'tcptows']],
  ])('%s checks what it gets, and is a block that is whole or nothing', async (name, programs) => {
    const script = await scriptOf(name, at);
    expect(script).toMatch(/^[\x20-\x7e\n]*$/);
    for (const program of programs) {
      expect(script).toContain(`'${program}' = '${createHash('sha256').update(program).digest('hex')}'\n`);
      expect(script).toContain(`'${program}' = '${program}-windows-x64.exe'\n`);
    }
    expect(script).not.toContain('linux-x64');
    expect(script).toContain("$relay = 'https://relay.example/it''s/$(x)'\n");
    const brackets = bracketsOf(script);
    expect(isBalanced(brackets)).toBe(true);
    // One pair around all of it: without its last bracket it is no script.
    const whole = /^(?:#.*\n)*& \{\n[^]*\n\} @args 'whole'\n$/;
    expect(script).toMatch(whole);
    for (let end = 1; end < brackets.length; end += 1)
      expect(isBalanced(brackets.slice(0, end)), `${end}`).toBe(false);
    expect(script.match(/-ne 'whole'/g)).toHaveLength(1);
    expect(script).not.toMatch(/\bexit\b|\?\?|&&|\|\||\bsudo\b/);
    const own = [...script.matchAll(/^ *function ([A-Z]\w+-\w+)/gm)].map(([, word = '']) => word);
    const used = new Set(script.match(/\b[A-Z][a-z]+-[A-Z][A-Za-z]+\b/g));
    for (const word of [...own, ...KNOWN_WORDS]) used.delete(word);
    expect([...used]).toEqual([]);
  });

  test('say which platforms there are where there is none for Windows', async () => {
    for (const [name, program] of [
      ['agent.ps1', 'agent'],
      ['client.ps1', 'wsproxy'],
    ] as const) {
      const answer = await fetch(`http://${origin}/docs/${name}`);
      expect(answer.status).toBe(404);
      expect(((await answer.json()) as { message: string }).message).toMatch(
        new RegExp(
          `^this relay was built without ${program} for windows-x64; it has ${HERE}.*PLATFORMS=windows-x64`,
        ),
      );
    }
  });
});

describe('the relay', () => {
  test('serves them as text that no cache keeps', async () => {
    const { headers } = await fetch(`http://${origin}/docs/agent.sh`, { method: 'HEAD' });
    expect(headers.get('content-type')).toBe('text/plain; charset=utf-8');
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('x-content-type-options')).toBe('nosniff');
  });

  test('puts what it was told to be into them, and nothing that a shell would act on', async () => {
    const env = { PUBLIC_URL: "https://relay.example/it's/$(x)`y`/" };
    await using other = await startRelay({ downloads, env });
    const script = await scriptOf('agent.sh', `127.0.0.1:${other.port}`);
    const tell = script.replace(/^ +find_platform$/m, 'printf "%s\\n" "$relay" "$relay_ws"; exit 3');
    expect(await run(tell)).toMatchObject({
      code: 3,
      stdout: "https://relay.example/it's/$(x)%60y%60\nwss://relay.example/it's/$(x)%60y%60\n",
    });
  });

  test('has none for a name that could be a command, nor where the programs are not built', async () => {
    const named = await fetchAs('$(x)', '/docs/agent.sh');
    expect(named).toMatchObject({ code: 'invalid_host' });
    await using other = await startRelay({ downloads: await makeDownloads({ [`wsproxy-${HERE}`]: '' }) });
    for (const [name, program] of [
      ['agent.sh', 'agent'],
      ['client.sh', 'tcptows'],
    ]) {
      const none = await fetch(`http://127.0.0.1:${other.port}/docs/${name}`);
      expect(none.status).toBe(404);
      expect(await none.json()).toMatchObject({ message: `${program} is not built here; run npm run build` });
    }
  });
});
