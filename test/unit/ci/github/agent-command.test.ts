// The agent's commands as processes: a start that fails is an end in words, however Node says it.
import { expect, test } from 'vitest';
import { AgentCommand } from '../../../../deploy/ci/github/agent-command.ts';

/** In characters: Linux takes no argument as long, and Node throws that fault. */
const TOO_LONG = 200_000;

test.each([
  ['emits', '/nowhere/agent', 'job', /ENOENT/],
  ['throws', '/bin/true', 'x'.repeat(TOO_LONG), /E2BIG/],
])('a fault that Node %s', async (_, program, name, words) => {
  const command = new AgentCommand(program, name, {});
  expect(await command.wait(undefined)).toEqual({ kind: 'broken', fault: expect.stringMatching(words) });
});
