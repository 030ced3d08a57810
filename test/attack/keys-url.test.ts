// Somebody between the job and the server of its authorized keys, or on that server, who wants a key of their own among them.
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import http, { type RequestListener } from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makePrivateAuthority, type PrivateAuthority } from '../support/network/private-authority.ts';
import { AGENT_PROGRAM, startAgentProcess } from '../support/process/agent-program.ts';
import { MoodyRelay } from '../support/relay/moody-relay.ts';
import { until } from '../support/time/poll.ts';

const KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ7cUJGGIrA8ysG9GNl9mgLMnZH0BSxBSrGR8KnkyYbo stranger\n';
const PAGE = `<!DOCTYPE html>\n<html>\n${'<p>Sign in to GitHub</p>\n'.repeat(168)}</html>\n`;
const OPEN = 'this job is open for SSH';

let folder: string;
let authority: PrivateAuthority;
let relay: MoodyRelay;
let relayUrl: string;
/** Of the server without, and with TLS. */
let plain: string;
let secure: string;
const servers: (http.Server | https.Server)[] = [];

const answer: RequestListener = (request, reply) => {
  const path = request.url ?? '';
  const hops = Number(/^\/hops\/(\d+)$/.exec(path)?.[1] ?? -1);
  if (path === '/to-http') reply.writeHead(302, { location: `${plain}/me.keys` }).end();
  else if (path === '/to-file') reply.writeHead(302, { location: 'file:///etc/passwd' }).end();
  else if (path === '/to-nowhere') reply.writeHead(302, { location: 'http://[' }).end();
  else if (hops > 0) reply.writeHead(301, { location: `/hops/${hops - 1}` }).end();
  else if (path === '/page') reply.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(PAGE);
  else if (path === '/page-as-text') reply.writeHead(200, { 'content-type': 'text/plain' }).end(PAGE);
  else if (path === '/prose') reply.end('no keys here\n'.repeat(170));
  else if (path === '/endless') {
    const more = (): void => {
      while (reply.write(KEY.repeat(100)));
    };
    reply.on('drain', more);
    more();
  } else if (path === '/dribble') {
    const drop = setInterval(() => reply.write('#\n'), 100);
    reply.on('close', () => clearInterval(drop));
  } else reply.end(KEY);
};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'converge-attack-'));
  authority = await makePrivateAuthority(folder, 'DNS:keys.test,IP:127.0.0.1');
  relay = new MoodyRelay();
  relayUrl = await relay.start();
  const [withoutTls, withTls] = [http.createServer(answer), https.createServer(authority, answer)];
  servers.push(withoutTls, withTls);
  for (const server of servers) {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  }
  plain = `http://127.0.0.1:${(withoutTls.address() as AddressInfo).port}`;
  secure = `https://127.0.0.1:${(withTls.address() as AddressInfo).port}`;
});

afterAll(async () => {
  relay.stop();
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
  await rm(folder, { recursive: true, force: true });
});

interface Outcome {
  /** Its exit code, or `open`: it has taken the keys. */
  readonly end: number | string | null;
  readonly output: string;
}

/** Starts an agent that takes its keys from `url`, and waits until it has, or has ended. */
async function takeKeysFrom(
  url: string,
  { env = {}, args = [] }: { env?: Record<string, string>; args?: readonly string[] } = {},
): Promise<Outcome> {
  const words = [...args, '--authorized-keys', url, `${relayUrl}/agent/job`];
  const agent = startAgentProcess(AGENT_PROGRAM, words, { cwd: folder, env });
  let end: Outcome['end'] | undefined;
  const ended = agent.ended.then((code) => (end ??= code));
  await until('it is open, or has ended', () => end !== undefined || agent.output().includes(OPEN), 60_000);
  end ??= 'open';
  agent.child.kill('SIGKILL');
  await ended;
  return { end, output: agent.output() };
}

/** Node's own word about the variable comes first. */
function lastLineOf({ output }: Outcome): string {
  return output.trimEnd().split('\n').at(-1) ?? '';
}

describe('a certificate of nobody', () => {
  test.each([[{}], [{ NODE_TLS_REJECT_UNAUTHORIZED: '0' }]])('is not believed, with %j', async (env) => {
    const outcome = await takeKeysFrom(`${secure}/me.keys`, { env });
    expect(outcome.end).toBe(2);
    expect(lastLineOf(outcome)).toMatch(
      /^agent: authorized keys https:\/\/127\.0\.0\.1:\d+\/me\.keys: .*certificate/,
    );
  });

  test.each(['NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE'])(
    'is believed where %s names its authority',
    async (variable) => {
      expect((await takeKeysFrom(`${secure}/me.keys`, { env: { [variable]: authority.caFile } })).end).toBe(
        'open',
      );
    },
  );
});

describe('keys without TLS', () => {
  test('are not taken, also not from this machine, and the sentence names the way out', async () => {
    const outcome = await takeKeysFrom(`${plain}/me.keys?token=hunter2`);
    expect(outcome).toEqual({
      end: 2,
      output: `agent: authorized keys ${plain}/me.keys: not https, so whoever is on the way could add a key; use https://, or --allow-insecure-keys-url\n`,
    });
  });

  test.each([
    [['--allow-insecure-keys-url'], {}],
    [[], { CONVERGE_ALLOW_INSECURE_KEYS_URL: '1' }],
  ])('are taken where somebody says so: %j %j', async (args, env) => {
    expect((await takeKeysFrom(`${plain}/me.keys`, { args, env })).end).toBe('open');
  });
});

describe('a redirect', () => {
  const withCa = (): Record<string, string> => ({ NODE_EXTRA_CA_CERTS: authority.caFile });

  test.each([
    ['/to-http', /redirects to http:\/\/127\.0\.0\.1:\d+, which is not https/],
    ['/to-file', /redirects to file:\/\/, which is not https/],
    ['/to-nowhere', /redirects nowhere, which is not https/],
    ['/hops/6', /more than 5 redirects/],
  ])('%s leads to no keys, whatever is allowed', async (path, words) => {
    const args = ['--allow-insecure-keys-url'];
    const outcome = await takeKeysFrom(`${secure}${path}`, { env: withCa(), args });
    expect(outcome.end).toBe(2);
    expect(lastLineOf(outcome)).toMatch(words);
  });

  test('is followed five times', async () => {
    expect((await takeKeysFrom(`${secure}/hops/5`, { env: withCa() })).end).toBe('open');
  });
});

test.each([
  ['/page', 'the answer is a web page, not a list of public keys; check the URL'],
  ['/page-as-text', 'the answer is a web page, not a list of public keys; check the URL'],
  ['/prose', 'none of its 170 lines is a public key; check what is there'],
  ['/endless', 'more than 256 KiB; is this a list of public keys?'],
  ['/dribble', 'no answer within 10 s'],
])('an answer that is none (%s) is one sentence', async (path, sentence) => {
  const outcome = await takeKeysFrom(`${plain}${path}`, { args: ['--allow-insecure-keys-url'] });
  expect(outcome).toEqual({ end: 2, output: `agent: authorized keys ${plain}${path}: ${sentence}\n` });
});
