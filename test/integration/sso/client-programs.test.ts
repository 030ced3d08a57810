// wsproxy at a real relay and a real provider: from the code on standard error to the bytes of the agent, and what is kept for the next start.
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest';
import { openClientProgram } from '../../support/clients/test-program.ts';
import type { ClientProgram } from '../../support/process/client-program.ts';
import { EchoAgent } from '../../support/relay/echo-agent.ts';
import { openSignOnWorld, type SignOnWorld } from '../../support/sso/sign-on-world.ts';
import { until } from '../../support/time/poll.ts';

let home: string;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'client-programs-'));
});

afterEach(async () => {
  await rm(home, { recursive: true, force: true });
});

async function openWorld(): Promise<SignOnWorld> {
  const world = await openSignOnWorld();
  const agent = new EchoAgent({ id: 'job', linkPort: world.relay.port });
  onTestFinished(() => agent[Symbol.asyncDispose]());
  await agent.linked();
  return world;
}

function wsproxy({ relay }: SignOnWorld): ClientProgram {
  return openClientProgram('wsproxy', [`ws://127.0.0.1:${relay.port}/client/job`], { HOME: home });
}

/** The code that a person reads on standard error, where there is one. */
function codeIn({ errors }: ClientProgram): string | undefined {
  return /the code (\S+?)[; ]/.exec(errors())?.[1];
}

/** As the person whom the code is shown to. */
async function answer(
  { issuer }: SignOnWorld,
  program: ClientProgram,
  account: string | undefined,
): Promise<void> {
  await issuer.answerDevice(await until('a code is shown', () => codeIn(program)), account);
}

/** Its bytes come back, and it ends well; gives what it said. */
async function expectEcho(program: ClientProgram): Promise<string> {
  let output = '';
  program.child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  program.child.stdin.write('hello');
  await until('the echo', () => output === 'hello' || program.child.exitCode !== null);
  program.child.stdin.end();
  expect({ code: await program.exit, output }, program.errors()).toEqual({ code: 0, output: 'hello' });
  return program.errors();
}

test('a person signs on once; the next start says nothing, and one whose time is over is refreshed in silence', async () => {
  const world = await openWorld();
  const first = wsproxy(world);
  await answer(world, first, 'ada');
  const said = (await expectEcho(first)).split('\n');
  const page = `wsproxy: 127.0.0.1:${world.relay.port} asks you to sign on: open ${world.issuer.issuer}/device?user_code=`;
  expect(said[0]?.slice(0, page.length)).toBe(page);
  expect(said.slice(2)).toEqual(['wsproxy: signed on', '']);
  expect(await expectEcho(wsproxy(world))).toBe('');
  // The relay's time goes on, and that of the laptop does not: the token looks good to wsproxy.
  world.clock.advance(3_600_000);
  expect(await expectEcho(wsproxy(world))).toBe('');
  expect(await readdir(join(home, '.local/state/converge'))).toHaveLength(1);
  expect(await world.relay.metric('converge_sign_ons_total{way="device",outcome="begun"}')).toBe(1);
});

test('whoever says no reads one sentence, and nothing is kept', async () => {
  const world = await openWorld();
  const program = wsproxy(world);
  await answer(world, program, undefined);
  expect(await program.exit).toBe(4);
  expect(program.errors().trimEnd().split('\n').at(-1)).toMatch(/turned down.* \(sso_refused\)$/);
  expect(await readdir(join(home, '.local/state/converge'))).toEqual([]);
});

test('whoever no rule admits is told so, and is not sent to sign on twice', async () => {
  const world = await openWorld();
  const program = wsproxy(world);
  await answer(world, program, 'bob');
  expect(await program.exit).toBe(4);
  expect(program.errors().match(/sign on: open/g)).toHaveLength(1);
  expect(program.errors()).toMatch(/\(not_admitted\)\n$/);
});
