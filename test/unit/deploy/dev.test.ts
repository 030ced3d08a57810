// `npm run dev`: what it restarts, and what it makes of the agent's lines.
import { expect, test } from 'vitest';
import { agentLine } from '../../../deploy/dev/agent-line.ts';
import { partsOf } from '../../../deploy/dev/parts.ts';
import { makePassword } from '../../../services/agent/access/random-token.ts';
import { quietCardFrom } from '../../../services/agent/notices/card.ts';

test('a change restarts the programs whose sources it is of', () => {
  expect(partsOf('relay/http/client.ts')).toEqual(['relay']);
  expect(partsOf('agent/agent.ts')).toEqual(['agent']);
  expect(partsOf('shared/clock.ts')).toEqual(['relay', 'agent']);
  expect(partsOf('clients/wsproxy/main.ts')).toEqual([]);
  expect(partsOf('relay/.main.ts.swp')).toEqual([]);
});

test('the quiet card of the agent becomes a command with wsproxy from its sources, and a password that is named', () => {
  const password = makePassword();
  const [command, second] = quietCardFrom({
    destination: { publicUrl: 'http://localhost:8080', id: 'dev', user: 'abc', fingerprint: 'SHA256:x' },
    entry: { kind: 'generated_password', password },
    now: 0,
    deadline: 1_000,
    timeoutMs: 1_000,
    hasTerminal: true,
    maxLifetimeMs: 1_000,
  }).map((line) => agentLine(line, 'node wsproxy/main.ts'));
  expect(command).toContain(`\n  node wsproxy/main.ts ssh "ws://localhost:8080/client/dev#SHA256:x"\n`);
  expect(second).toBe(`Password:\n\n  ${password}\n`);
  expect(agentLine('converge 12:00:00 UTC: somebody is here', '')).toBe(
    'agent | converge 12:00:00 UTC: somebody is here',
  );
});
