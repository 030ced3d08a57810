// Who may open a job: an agent of each kind of identity is let in by its rule, and a shell works through it.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Company, JOB_KINDS, openCompany } from '../support/entry/company.ts';
import { openJob } from '../support/laptop/open-job.ts';
import { useWorld } from '../support/laptop/world.ts';

const world = useWorld();
let company: Company;

beforeAll(async () => {
  company = await openCompany(world);
});
afterAll(() => company[Symbol.asyncDispose]());

test.concurrent.each(JOB_KINDS)(
  '%s: the agent gets in by its rule, and a person types in its shell',
  async (kind) => {
    const { relay } = company;
    const { id, rule, subject, env, args } = await company.job(kind);
    const { agent, way } = await openJob(world, { relay: relay.url, id, env, args });
    const terminal = way.openTerminal();
    await terminal.see(/[$#] $/);
    expect(await relay.agent(id)).toMatchObject({ rule, subject: expect.stringContaining(subject) });
    terminal.type('echo "$((6 * 7)) in $PWD"\r');
    expect((await terminal.see(/(\d+ in \S+)\r\n/))[1]).toBe(`42 in ${agent.job}`);
    terminal.type('exit 3\r');
    expect(await terminal.exited).toMatchObject({ code: 3 });
    expect(await agent.process.exited).toEqual({ code: 0, signal: null });
    // Nothing but the card and the session: whoever is let in reads nothing of proofs.
    expect(agent.process.stderr).toBe('');
    expect(await relay.relay.metric(`converge_admissions_total{rule="${rule}",by="proof"}`)).toBe(1);
  },
);

test('an issuer whose keys stand in the policy was never asked for them, and the others once', () => {
  const { github, gitlab, circleci, buildkite } = company.issuers;
  expect([github, gitlab, circleci, buildkite].map(({ fetches }) => fetches)).toEqual([1, 0, 1, 1]);
});
