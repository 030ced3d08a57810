// The usage page over HTTP, and its commands given to the real sh and ssh.
import { execFile } from 'node:child_process';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import fastify, { type FastifyInstance } from 'fastify';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { isValidId } from '#shared/protocol/paths.ts';
import { parseWsproxyCommand } from '../../../services/clients/wsproxy/cli.ts';
import { answerRefusals } from '../../../services/relay/http/door/refusal.ts';
import { fillGaps } from '../../../services/relay/http/usage/command-text.ts';
import { type EntryTerms, OPEN_TERMS } from '../../../services/relay/http/usage/entry-terms.ts';
import { jobFirstLines } from '../../../services/relay/http/usage/first-lines.ts';
import { addressFromPublicUrl } from '../../../services/relay/http/usage/own-address.ts';
import { buildSections } from '../../../services/relay/http/usage/sections.ts';
import { registerUsagePage } from '../../../services/relay/http/usage/usage-page.ts';
import { shellLinesOf } from '../../support/clients/ci-script.ts';
import { offerOf, WHOLE_OFFER } from '../../support/relay/offer.ts';

const run = promisify(execFile);

/** A step, or a job, as these CI systems read it. */
interface CiWords {
  readonly run?: string | { readonly command: string };
  readonly after_script?: readonly string[];
}

/** What the CI system hands to a shell of a line that the page begins with: read by a parser of YAML, or out of Groovy's quotes. */
function shellOf(name: string, text: string): string {
  if (name === 'buildkite') return text;
  if (name === 'jenkins') return /'(.*)'/.exec(text)?.[1] ?? '';
  const [words] = [parse(text) as CiWords | CiWords[]].flat();
  const { run: step, after_script: after = [] } = words ?? {};
  const line = typeof step === 'object' ? step.command : (step ?? after[0] ?? '');
  return line.replaceAll('${{ strategy.job-index }}', '0');
}

const HTML = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8', host: 'relay.example.com' };

function createApp(publicUrl?: string, trustProxy = false): FastifyInstance {
  const app = fastify({ trustProxy });
  answerRefusals(app, { refused: () => undefined });
  registerUsagePage(app, {
    publicUrl,
    offer: () => WHOLE_OFFER,
    entryTerms: () => OPEN_TERMS,
  });
  return app;
}

describe('GET /', () => {
  test('is HTML for a browser, with strict headers', async () => {
    const answer = await createApp().inject({ url: '/', headers: HTML });
    expect(answer.statusCode).toBe(200);
    expect(answer.headers).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'content-length': String(answer.rawPayload.length),
      'cache-control': 'no-store',
      vary: 'accept',
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
    });
    expect(answer.headers['content-security-policy']).toMatch(
      /^default-src 'none'; .*frame-ancestors 'none'/,
    );
    expect(answer.body).toContain('./agent ws://relay.example.com/agent<');
  });

  test('is plain text for curl', async () => {
    const answer = await createApp().inject({ url: '/?id=x1', headers: { ...HTML, accept: '*/*' } });
    expect(answer.headers['content-type']).toBe('text/plain; charset=utf-8');
    expect(answer.body).toContain('./agent ws://relay.example.com/agent/x1\n');
  });

  test('answers HEAD as GET without a body', async () => {
    const answer = await createApp().inject({ method: 'HEAD', url: '/', headers: HTML });
    expect(answer.statusCode).toBe(200);
    expect(answer.body).toBe('');
    expect(answer.headers['content-type']).toBe('text/html; charset=utf-8');
  });

  test('puts the ID of the form into the commands', async () => {
    const answer = await createApp().inject({ url: '/?id=build.47-11', headers: HTML });
    expect(answer.body).toContain('value="build.47-11"');
    expect(answer.body).toContain('data-fallback="" data-before="/">/build.47-11</span>');
  });

  test.each(['/?id=-x', '/?id=a%20b', '/?id=%3Cb%3E', '/?id=a&id=b', `/?id=${'a'.repeat(129)}`])(
    'refuses the ID of %s, beside the box or as JSON',
    async (url) => {
      const page = await createApp().inject({ url, headers: HTML });
      expect(page.statusCode).toBe(400);
      expect(page.body).toContain('That is no ID');
      const plain = await createApp().inject({ url, headers: { ...HTML, accept: '*/*' } });
      expect(plain.statusCode).toBe(400);
      expect(plain.json()).toMatchObject({
        code: 'invalid_id',
        message: expect.stringContaining('1 to 128'),
      });
    },
  );

  test.each(['a;b', '"><script>', '$(reboot)'])('refuses the host %j', async (host) => {
    const answer = await createApp().inject({ url: '/', headers: { ...HTML, host } });
    expect(answer.statusCode).toBe(400);
    expect(answer.json()).toMatchObject({ code: 'invalid_host' });
    expect(answer.body).not.toContain('script');
  });

  test('believes forwarded headers only where the proxy is trusted', async () => {
    const headers = { ...HTML, 'x-forwarded-proto': 'https', 'x-forwarded-host': 'public.example.com' };
    const trusted = await createApp(undefined, true).inject({ url: '/', headers });
    expect(trusted.body).toContain('wss://public.example.com/agent');
    const direct = await createApp().inject({ url: '/', headers });
    expect(direct.body).toContain('ws://relay.example.com/agent');
    expect(direct.body).not.toContain('public.example.com');
  });

  test('prefers the public URL to any request', async () => {
    const answer = await createApp('https://given.example.com', true).inject({
      url: '/',
      headers: { ...HTML, host: '$(reboot)', 'x-forwarded-host': 'other.example.com' },
    });
    expect(answer.body).toContain('wss://given.example.com/agent');
    expect(answer.body).not.toMatch(/other\.example|reboot/);
  });
});

describe('the commands', () => {
  const relay = addressFromPublicUrl('https://relay.example.com');
  const offer = offerOf(['wsproxy-linux-x64', 'wsproxy.mjs']);
  const snippetsFor = (entry: EntryTerms): Map<string, string> =>
    new Map(
      [
        ...jobFirstLines({ relay, offer, entry }),
        ...buildSections({ relay, offer, entry }).flatMap((section) => [
          ...section.snippets,
          ...section.blocks,
        ]),
      ].map((snippet) => [snippet.name, fillGaps(snippet.text, undefined)]),
    );
  const snippets = snippetsFor(OPEN_TERMS);
  /** Where the policy has rules for jobs. */
  const ruled = snippetsFor({ ...OPEN_TERMS, agents: ['oidc', 'token'] });
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'converge-page-'));
    // Instead of a download: a program that tells its arguments. It ends badly, as the CI must not mind.
    await writeTool('curl', 'while [ "$1" != -fsSLo ]; do shift; done\ncp "$(dirname "$0")/told" "$2"');
    await writeTool('told', 'printf "%s\\n" "$@" > arguments');
    await writeTool('wsproxy', 'printf "%s\\n" "$@" > arguments');
  });

  afterEach(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  async function writeTool(name: string, body: string): Promise<void> {
    await writeFile(join(folder, name), `#!/bin/sh\n${body}\n`);
    await chmod(join(folder, name), 0o755);
  }

  async function runShell(script: string, env: NodeJS.ProcessEnv): Promise<string[]> {
    const path = `${folder}:${process.env['PATH']}`;
    await run('sh', ['-e', '-c', script], { cwd: folder, env: { ...env, PATH: path, HOME: folder } });
    return (await readFile(join(folder, 'arguments'), 'utf8')).trimEnd().split('\n');
  }

  test('for a job start the agent that they downloaded', async () => {
    expect(await runShell(snippets.get('job') ?? '', {})).toEqual(['wss://relay.example.com/agent']);
  });

  const RED = [
    [
      'github',
      { GITHUB_REPOSITORY_ID: '3', GITHUB_RUN_ID: '7', GITHUB_RUN_ATTEMPT: '1', GITHUB_JOB: 'test_it' },
      'gh.3.7.1-test_it-0',
    ],
    ['gitlab', { CI_PROJECT_ID: '9', CI_JOB_ID: '42', CI_JOB_STATUS: 'failed' }, 'gl.9.42'],
    [
      'jenkins',
      { BUILD_TAG: 'jenkins-my folder-feature%2Fx-42' },
      'jenkins.jenkins-my-folder-feature-2Fx-42',
    ],
    [
      'circleci',
      { CIRCLE_PROJECT_ID: 'p', CIRCLE_WORKFLOW_JOB_ID: 'ab-cd', CIRCLE_NODE_INDEX: '3' },
      'cc.p.ab-cd-3',
    ],
    [
      'buildkite',
      { BUILDKITE_PIPELINE_ID: 'p', BUILDKITE_JOB_ID: '0190', BUILDKITE_COMMAND_EXIT_STATUS: '1' },
      'bk.p.0190',
    ],
  ] as const;

  test.each(RED)(
    'of the %s block start the agent, with an ID where there are rules',
    async (name, env, id) => {
      const args = await runShell(shellLinesOf(snippets.get(name) ?? ''), env);
      expect(args.at(-1)).toBe('wss://relay.example.com/agent');
      expect(args.slice(0, 2)).toEqual(['--max-lifetime', '2h']);
      const ruledArgs = await runShell(shellLinesOf(ruled.get(name) ?? ''), env);
      expect(ruledArgs.at(-1)).toBe(`wss://relay.example.com/agent/${id}`);
      expect(isValidId(id)).toBe(true);
    },
  );

  test.each(RED)(
    'that come first for %s run the script, with an ID where there are rules',
    async (name, env, id) => {
      // Instead of the download: a script that tells its arguments. That of a relay runs by the name of its shell.
      await writeTool('curl', `echo '# '"$2"; echo 'printf "%s\\n" "$@" > arguments'`);
      const lineOf = (from: Map<string, string>): string => shellOf(name, from.get(`first-${name}`) ?? '');
      const who: NodeJS.ProcessEnv = {
        GITHUB_TRIGGERING_ACTOR: 'ann',
        GITLAB_USER_LOGIN: 'ann',
        CIRCLE_USERNAME: 'ann',
        CI_SERVER_URL: 'https://gitlab.example.com',
      };
      const options = {
        github: ['--allow', 'github:ann'],
        gitlab: ['--authorized-keys', 'https://gitlab.example.com/ann.keys'],
        circleci: ['--allow', 'github:ann'],
        jenkins: [],
        buildkite: [],
      }[name];
      expect(await runShell(lineOf(snippets), { ...who, ...env })).toEqual(
        options.length === 0 ? [''] : options,
      );
      expect(await runShell(lineOf(ruled), { ...who, ...env })).toEqual([
        ...options,
        `wss://relay.example.com/agent/${id}`,
      ]);
    },
  );

  test.each([
    ['gitlab', { CI_JOB_STATUS: 'success' }],
    ['buildkite', { BUILDKITE_COMMAND_EXIT_STATUS: '0' }],
  ] as const)('that come first for %s do nothing when the job is green', async (name, env) => {
    await writeFile(join(folder, 'arguments'), 'untouched');
    expect(await runShell(shellOf(name, snippets.get(`first-${name}`) ?? ''), env)).toEqual(['untouched']);
  });

  test.each([
    ['gitlab', { CI_JOB_STATUS: 'success' }],
    ['buildkite', { BUILDKITE_COMMAND_EXIT_STATUS: '0' }],
  ])('of the %s block do nothing when the job is green', async (name, env) => {
    await writeFile(join(folder, 'arguments'), 'untouched');
    expect(await runShell(shellLinesOf(snippets.get(name) ?? ''), env)).toEqual(['untouched']);
  });

  test.each(['ssh', 'sftp', 'scp'])('for %s start wsproxy with the address of the job', async (name) => {
    const args = await runShell(snippets.get(name) ?? '', {});
    const paths = name === 'scp' ? [':build.log', '.'] : [];
    expect(args).toEqual([name, 'wss://relay.example.com/client/ID', ...paths]);
  });

  test('for ~/.ssh/config make every ID a host, capitals and dots included', async () => {
    await writeFile(join(folder, 'config'), snippets.get('config') ?? '');
    // wsproxy ends at once here, so that ssh fails: what counts is how it was started.
    const args = await runShell('ssh -F config Build.47-A.job </dev/null || true', {});
    expect(args).toEqual(['--strip', '.job', 'wss://relay.example.com/client/Build.47-A.job']);
    expect(parseWsproxyCommand(args, {})).toMatchObject({ destination: { target: { id: 'Build.47-A' } } });
  });
});
