// Forwarding and sharing of a connection, with Debian's ssh, curl and ssh-agent.
import { stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type E2eAgent, startAgent } from '../support/laptop/job.ts';
import { makeKey, openWay, type Way } from '../support/laptop/laptop.ts';
import { openJob } from '../support/laptop/open-job.ts';
import { useWorld } from '../support/laptop/world.ts';
import { freePort, type Listening, listening } from '../support/network/ports.ts';

const world = useWorld(['curl', 'ssh-add', 'ssh-agent']);
let agent: E2eAgent;
let way: Way;
let web: Listening;
let webSocket: Listening;
let socketPath: string;

beforeAll(async () => {
  ({ agent, way } = await openJob(world, { held: true }));
  web = await listening(createServer((request, reply) => reply.end(`you asked for ${request.url}\n`)));
  socketPath = join(agent.job, 'web');
  webSocket = await listening(
    createServer((_request, reply) => reply.end('over a socket\n')),
    socketPath,
  );
});

afterAll(async () => {
  await web?.[Symbol.asyncDispose]();
  await webSocket?.[Symbol.asyncDispose]();
});

/** Forwards until the world ends. */
function forward(...args: string[]): void {
  way.startSsh(['-N', '-o', 'ExitOnForwardFailure=yes', ...args, way.host]);
}

/** What curl gets, once the forward is there. */
async function curl(...args: string[]): Promise<string> {
  const patience = '--retry 100 --retry-delay 0 --retry-all-errors --retry-max-time 60 --connect-timeout 5';
  const { code, stdout, stderr } = await way.laptop.paste(
    `curl -fsS ${patience} ${args.join(' ')} 2>errors || cat errors >&2`,
  );
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout;
}

test('-L brings a port of the job to the laptop', async () => {
  const port = await freePort();
  forward('-L', `127.0.0.1:${port}:127.0.0.1:${web.port}`);
  expect(await curl(`http://127.0.0.1:${port}/left`)).toBe('you asked for /left\n');
});

test('-R brings a port of the laptop to the job', async () => {
  const port = await freePort();
  forward('-R', `127.0.0.1:${port}:127.0.0.1:${web.port}`);
  await curl(`http://127.0.0.1:${port}/`);
  const { stdout } = await way.ssh([way.host, `curl -fsS http://127.0.0.1:${port}/right`]);
  expect(stdout).toBe('you asked for /right\n');
});

test('-D lets curl --socks5 reach what the job reaches', async () => {
  const port = await freePort();
  forward('-D', `127.0.0.1:${port}`);
  const through = `--socks5-hostname 127.0.0.1:${port}`;
  expect(await curl(through, `http://localhost:${web.port}/socks`)).toBe('you asked for /socks\n');
});

test('unix sockets are forwarded both ways', async () => {
  const left = join(way.laptop.folder, 'left');
  forward('-L', `${left}:${socketPath}`);
  expect(await curl(`--unix-socket ${left} http://job/`)).toBe('over a socket\n');
  const right = join(agent.job, 'right');
  forward('-R', `${right}:${socketPath}`);
  expect(await curl(`--unix-socket ${right} http://laptop/`)).toBe('over a socket\n');
  expect((await stat(right)).mode & 0o777).toBe(0o600);
});

test('-A lets the job sign with a key that stays on the laptop', async () => {
  const socket = join(way.laptop.folder, 'agent');
  const key = await makeKey(world, 'ecdsa');
  const env = { SSH_AUTH_SOCK: socket };
  const keeper = way.laptop.start(['ssh-agent', '-D', '-a', socket]);
  await keeper.see(/SSH_AUTH_SOCK/);
  expect((await way.laptop.paste(`ssh-add -q ${key.file}`, { env })).code).toBe(0);
  const { code, stdout } = await way.ssh(['-A', way.host, `ssh-add -l; ssh-add -T ${key.file}.pub`], { env });
  expect(stdout).toMatch(/^256 SHA256:\S+ ecdsa key \(ECDSA\)\n$/);
  expect(code).toBe(0);
  const without = await way.ssh([way.host, 'echo "[$SSH_AUTH_SOCK]"'], { env });
  expect(without.stdout).toBe('[]\n');
});

test('ControlMaster shares one login among many commands', async () => {
  const control = join(way.laptop.folder, 'control');
  const logins = () => agent.process.stdout.split(' logged in from ').length;
  const before = logins();
  const master = way.startSsh(['-M', '-S', control, way.host, 'echo ready; cat']);
  await master.see(/ready/);
  const shared = Array.from({ length: 5 }, (_, index) => way.ssh(['-S', control, way.host, `echo ${index}`]));
  expect((await Promise.all(shared)).map(({ stdout }) => stdout)).toEqual([
    '0\n',
    '1\n',
    '2\n',
    '3\n',
    '4\n',
  ]);
  expect(logins()).toBe(before + 1);
  expect((await way.ssh(['-S', control, '-O', 'exit', way.host])).code).toBe(0);
  await master.exited;
});

test('with --no-forwarding nothing is forwarded, and commands work', async () => {
  const strict = await startAgent(world, { args: ['--no-forwarding'], held: true });
  const strictWay = await openWay(world, strict);
  const { code, stderr } = await strictWay.ssh(['-v', '-W', `127.0.0.1:${web.port}`, strictWay.host]);
  expect(code).toBe(255);
  expect(stderr).toContain('administratively prohibited');
  expect(await strictWay.ssh([strictWay.host, 'echo fine'])).toEqual({
    code: 0,
    stdout: 'fine\n',
    stderr: '',
  });
});
