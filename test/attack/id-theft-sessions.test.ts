// A stranger has got the ID of a running job all the same (they have a grant of the cluster), and wants its sessions to end.
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createClaim, GRANT_HEADER, hashClaim } from '#shared/protocol/claim.ts';
import { ClusterKey } from '../../services/relay/hop/cluster-key.ts';
import { formatGrant } from '../../services/relay/hop/grant.ts';
import { openSshLine, type SshLine } from '../support/mesh/mesh-ssh.ts';
import { type FakeAgent, openAgent } from '../support/relay/fake-agent.ts';
import { type RunningRelay, startRelay } from '../support/relay/relay.ts';
import { provenSince } from '../support/relay/tenure.ts';
import { until } from '../support/time/poll.ts';

const SECRET = 'the secret of the cluster that no stranger knows';
const ID = 'stolen';
const OF_LAST_YEAR = provenSince(Date.now() - 31_536_000_000);

let relay: RunningRelay;
let line: SshLine;
let thief: FakeAgent | undefined;

beforeEach(async () => {
  relay = await startRelay({ env: { CLUSTER_SECRET: SECRET } });
  line = await openSshLine(relay.port, ID);
  await line.say('before the theft');
});
afterEach(async () => {
  thief?.[Symbol.dispose]();
  await line[Symbol.asyncDispose]();
  await relay[Symbol.asyncDispose]();
});

async function steal(): Promise<FakeAgent> {
  const claim = createClaim();
  const grantee = { id: ID, claimHash: hashClaim(claim) };
  const grant = formatGrant(new ClusterKey([SECRET]), grantee, OF_LAST_YEAR);
  return openAgent(relay.port, ID, { claim, headers: { [GRANT_HEADER]: grant } });
}

test('the sessions go on, and the job log says what happened', async () => {
  thief = await steal();
  await line.agent.see(/another agent has the ID stolen now/);
  await line.say('after the theft');
  expect(line.agent.stderr).toContain(
    'nobody new can come in here, and sessions that are open go on; trying to get it back for',
  );
  await line.say('long after it');
});

test('an agent whose thief has gone has its ID back, and lets people in again', async () => {
  thief = await steal();
  await line.agent.see(/another agent has the ID stolen now/);
  thief.socket.close(1000, 'ended');
  await thief.closed;
  await line.agent.see(/connected to the relay again/);
  await line.say('after the return');
  await until('a new client is dialled in', async () => {
    const listed = await fetch(`http://127.0.0.1:${relay.internalPort}/sessions`);
    return (await listed.text()).includes(ID);
  });
});
