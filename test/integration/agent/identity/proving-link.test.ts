// The link of an agent to relays that ask who it is: what is shown, when, how often, and what is kept for the next dial.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { keyMakersFrom } from '#shared/identity/key-makers.ts';
import type { Prover } from '#shared/identity/proof-maker.ts';
import { tokenMakerFrom } from '#shared/identity/token-maker.ts';
import { signersFromFile } from '#shared/signing/key-file.ts';
import type { FoundSigners } from '#shared/signing/signer.ts';
import { signersFromSshAgent } from '#shared/signing/ssh-agent.ts';
import { keyFingerprint } from '#shared/ssh/fingerprint.ts';
import { FIRST_LINK_PATIENCE_MS } from '../../../../services/agent/relay/link-failure.ts';
import { EchoAgent, type EchoAgentOptions } from '../../../support/relay/echo-agent.ts';
import { keyPolicyParts } from '../../../support/relay/key-policy.ts';
import { MoodyRelay } from '../../../support/relay/moody-relay.ts';
import { TestPolicy } from '../../../support/relay/test-policy.ts';
import { openRelay } from '../../../support/relay/test-relay.ts';
import { makeKeyFile } from '../../../support/ssh/key-file.ts';
import { startSshAgent } from '../../../support/ssh/ssh-agent.ts';
import { readPublicBlob, sshAdd } from '../../../support/ssh/ssh-keygen.ts';
import { ManualClock } from '../../../support/time/manual-clock.ts';
import { settle, until } from '../../../support/time/poll.ts';

/** Shows that token, and counts how often it is asked for one. */
function tokenProver(token = 'good'): Prover & { asked: number } {
  return {
    asked: 0,
    makersFor() {
      this.asked += 1;
      return Promise.resolve(tokenMakerFrom(token, 'the token of the test'));
    },
  };
}

function keyProver(signers: () => Promise<FoundSigners>): Prover {
  return { makersFor: async (kinds) => keyMakersFrom(await signers(), kinds, Date.now()) };
}

function link(linkPort: number, options: Partial<EchoAgentOptions> = {}): EchoAgent {
  const agent = new EchoAgent({ id: 'job', linkPort, ...options });
  onTestFinished(() => agent[Symbol.asyncDispose]());
  return agent;
}

describe('with a relay', () => {
  test('a token is shown when it is asked for, and that is no failed attempt', async () => {
    const policy = new TestPolicy();
    const relay = await openRelay({ gateParts: policy.parts });
    const agent = await link(relay.port, { prover: tokenProver() }).linked();
    expect(agent.troubles).toEqual([]);
    expect(await relay.metric('converge_refusals_total{code="identity_required"}')).toBe(1);
    expect(await relay.metric('converge_admissions_total{role="agent",rule="rule",by="proof"}')).toBe(1);
  });

  test('a relay that is open is shown nothing', async () => {
    const relay = await openRelay();
    const prover = tokenProver();
    await link(relay.port, { prover }).linked();
    expect(prover.asked).toBe(0);
  });

  test("one that is refused ends the agent with the relay's words, at once", async () => {
    const relay = await openRelay({ gateParts: new TestPolicy().parts });
    const agent = link(relay.port, { prover: tokenProver('bad') });
    await until('it has failed', () => agent.failure !== undefined);
    expect(agent.failure).toEqual({
      kind: 'refused',
      message: `127.0.0.1:${relay.port} refused: no rule has this token (token_unknown)`,
      patienceMs: 0,
    });
    expect(await relay.metric('converge_refusals_total{code="token_unknown"}')).toBe(1);
  });

  test('an agent with nothing to show is told what would do', async () => {
    const relay = await openRelay({ gateParts: new TestPolicy().parts });
    const agent = link(relay.port);
    await until('it has failed', () => agent.failure !== undefined);
    expect(agent.failure).toEqual({
      kind: 'refused',
      message: `127.0.0.1:${relay.port} asks agents who they are: the test has nothing to show`,
      patienceMs: 0,
    });
  });
});

describe('with a relay that knows a key', () => {
  let directory: string;
  let keyFile: string;
  let fingerprint: string;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'proving-link-'));
    keyFile = join(directory, 'id');
    await makeKeyFile(keyFile);
    fingerprint = keyFingerprint(await readPublicBlob(`${keyFile}.pub`));
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  async function keyRelay(audience?: string): Promise<number> {
    let port = 0;
    const parts = keyPolicyParts({ fingerprint, audience: () => audience ?? `http://127.0.0.1:${port}` });
    ({ port } = await openRelay({ gateParts: parts }));
    return port;
  }

  test('a key in a file proves the agent', async () => {
    const agent = await link(await keyRelay(), {
      prover: keyProver(() => signersFromFile(keyFile)),
    }).linked();
    expect(agent.troubles).toEqual([]);
  });

  test('so does one in an ssh-agent, also behind others that the relay does not know', async () => {
    await using sshAgent = await startSshAgent(join(directory, 'agent'));
    for (const name of ['a', 'b']) {
      await makeKeyFile(join(directory, name));
      await sshAdd(sshAgent.socketPath, [join(directory, name)]);
    }
    await sshAdd(sshAgent.socketPath, [keyFile]);
    const prover = keyProver(() => signersFromSshAgent(sshAgent.socketPath));
    const agent = await link(await keyRelay(), { prover }).linked();
    expect(agent.troubles).toEqual([]);
  });

  test('none of several keys is known: the agent is told which were shown', async () => {
    await using sshAgent = await startSshAgent(join(directory, 'agent'));
    for (const name of ['a', 'b']) {
      await makeKeyFile(join(directory, name));
      await sshAdd(sshAgent.socketPath, [join(directory, name)]);
    }
    const agent = link(await keyRelay(), {
      prover: keyProver(() => signersFromSshAgent(sshAgent.socketPath)),
    });
    await until('it has failed', () => agent.failure !== undefined);
    expect(agent.failure?.message).toMatch(
      /the key SHA256:\S+ \(.*\) was refused: .*; the key SHA256:.*key_unknown/,
    );
  });

  test('a signature is for the name by which the agent dialled, and for no other', async () => {
    const agent = link(await keyRelay('https://relay.example.com'), {
      prover: keyProver(() => signersFromFile(keyFile)),
    });
    await until('it has failed', () => agent.failure !== undefined);
    expect(agent.failure?.message).toContain('key_bad_signature');
    expect(agent.failure?.message).toContain('at https://relay.example.com');
  });
});

describe('with a relay of any mood', () => {
  let relay: MoodyRelay;
  let port: number;
  let clock: ManualClock;

  beforeEach(async () => {
    relay = new MoodyRelay();
    relay.demand = { kinds: ['token'], challenge: 'c' };
    port = Number(new URL(await relay.start()).port);
    clock = new ManualClock();
  });
  afterEach(() => relay.stop());

  /** Lets time go by until `condition` holds. */
  async function goOn(condition: () => boolean, stepMs = 100): Promise<void> {
    const giveUpAt = Date.now() + 15_000;
    while (!condition()) {
      if (Date.now() > giveUpAt) throw new Error(`never came true: ${String(condition)}`);
      clock.advance(stepMs);
      await setImmediate();
    }
  }

  const shown = () => relay.handshakes.map(({ identity, pass }) => identity ?? pass);

  test('the newest pass is shown in place of a proof, with the newest grant', async () => {
    relay.welcome = { pass: 'pass-1' };
    const agent = link(port, { prover: tokenProver(), clock });
    await goOn(() => agent.welcomes.length === 1);
    relay.links[0]?.send(JSON.stringify({ type: 'grant', grant: 'grant-1' }));
    relay.links[0]?.send(JSON.stringify({ type: 'goaway', reason: 'restart', seconds: 30 }));
    await goOn(() => agent.welcomes.length === 2);
    expect(shown()).toEqual([undefined, 'token good', 'pass-1']);
    expect(relay.handshakes.at(-1)).toMatchObject({ grant: 'grant-1', identity: undefined });
    // A relay without a policy gives none: that of before is kept.
    [relay.welcome, relay.demand] = [{}, undefined];
    relay.links[1]?.terminate();
    await goOn(() => agent.welcomes.length === 3);
    relay.links[2]?.terminate();
    await goOn(() => agent.welcomes.length === 4);
    expect(shown().slice(3)).toEqual(['pass-1', 'pass-1']);
  });

  test('a pass that does not count any more is followed by a proof', async () => {
    relay.welcome = { pass: 'pass-1' };
    const agent = link(port, { prover: tokenProver(), clock });
    await goOn(() => agent.welcomes.length === 1);
    relay.welcome = { pass: 'pass-2' };
    relay.links[0]?.terminate();
    await goOn(() => agent.welcomes.length === 2);
    expect(shown()).toEqual([undefined, 'token good', 'pass-1', 'token good']);
    relay.links[1]?.terminate();
    await goOn(() => agent.welcomes.length === 3);
    expect(shown().at(-1)).toBe('pass-2');
  });

  test('a pass that is no header value is not kept', async () => {
    relay.welcome = { pass: 'a b\r\nconverge-claim: x' };
    const agent = link(port, { prover: tokenProver(), clock });
    await goOn(() => agent.welcomes.length === 1);
    relay.links[0]?.terminate();
    await goOn(() => agent.welcomes.length === 2);
    expect(shown()).toEqual([undefined, 'token good', undefined, 'token good']);
  });

  test('a challenge that got old is signed anew at once', async () => {
    relay.refusedProofs.push('challenge_stale');
    const agent = link(port, { prover: tokenProver(), clock });
    await goOn(() => agent.welcomes.length === 1, 0);
    expect(shown()).toEqual([undefined, 'token good', 'token good']);
    expect(agent.troubles).toEqual([]);
  });

  test('what passes is tried again, with a proof each time, for as long as the first link may take', async () => {
    relay.refusedProofs.push('rule_full', 'issuer_unavailable', 'rate_limited', 'overloaded');
    const agent = link(port, { prover: tokenProver(), clock });
    await goOn(() => agent.welcomes.length === 1);
    expect(shown().filter((one) => one === 'token good')).toHaveLength(5);
    expect(agent.failure).toBeUndefined();
    relay.mood = 'rule_full';
    const another = link(port, { prover: tokenProver(), clock });
    const since = clock.now();
    await goOn(() => another.failure !== undefined);
    // The relay is there, and says no: the job's log and its exit code must not say that it cannot be reached.
    expect(another.failure).toMatchObject({ kind: 'refused' });
    expect(clock.now() - since).toBeGreaterThanOrEqual(FIRST_LINK_PATIENCE_MS);
  });

  test('one that asks again and again gets one proof for a dial, and no second dial', async () => {
    relay.mood = 'identity_required';
    const agent = link(port, { prover: tokenProver(), clock });
    await goOn(() => agent.failure !== undefined);
    expect(shown()).toEqual([undefined, 'token good']);
    expect(agent.failure).toMatchObject({ kind: 'refused', patienceMs: 0 });
  });

  test('proofs that cannot be had at the moment are waited for, and others are not', async () => {
    const answers = [true, true, false];
    const prover: Prover = {
      makersFor: () =>
        Promise.resolve({
          kind: 'found',
          makers: [
            {
              kind: 'oidc',
              name: 'a token',
              make: () =>
                Promise.resolve({ kind: 'unmade', message: 'not now', passes: answers.shift() ?? false }),
            },
          ],
        }),
    };
    const agent = link(port, { prover, clock });
    await goOn(() => agent.failure !== undefined);
    expect(relay.handshakes).toHaveLength(3);
    expect(agent.failure).toMatchObject({ kind: 'refused' });
    expect(agent.troubles).toMatchObject([
      { kind: 'unreachable', message: expect.stringContaining('not now') },
    ]);
  });

  test('an agent that is stopped while it makes a proof shows none', async () => {
    let release: (() => void) | undefined;
    const prover: Prover = {
      makersFor: () =>
        new Promise((resolve) => {
          release = () => resolve(tokenMakerFrom('good', 'the token'));
        }),
    };
    const agent = link(port, { prover, clock });
    await goOn(() => release !== undefined);
    await agent[Symbol.asyncDispose]();
    release?.();
    await settle();
    expect(shown()).toEqual([undefined]);
  });
});
