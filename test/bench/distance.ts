// Distance: sftp get and put where a round trip takes 60 ms, beside sshd on the same path.
//
// Near are ssh and wsproxy; far are the relay, the agent and sshd. Every process and every byte is inside of two namespaces.
import { join } from 'node:path';
import { makeKeyFolder, startBenchAgent, startSshd } from '../support/ssh/sshd.ts';
import { openPlaces } from './namespaces.ts';
import type { PartOptions } from './part.ts';
import { startPod } from './pod.ts';
import { openSftp } from './sftp-session.ts';
import { makeSource, timeTransfer } from './transfers.ts';

const ROUND_TRIP_MS = 60;
const QUICK_MIB = 32;
const FULL_MIB = 128;

export async function measureDistance({ figures, isFull, rounds, say }: PartOptions): Promise<void> {
  if (process.getuid?.() !== 0) return say('not run: it makes network namespaces, which takes root');
  await using stack = new AsyncDisposableStack();
  const { near, far } = await openPlaces(stack, ROUND_TRIP_MS);
  const folder = await makeKeyFolder(stack);
  const env = { HOST: far.address };
  const pod = stack.use(await startPod('bench-distance', { env, prefix: far.prefix }));
  const wsUrl = `ws://${far.address}:${pod.port}`;
  const sshd = await startSshd(stack, folder, [], far);
  const agent = await startBenchAgent(stack, folder, { wsUrl, prefix: far.prefix });
  const mib = isFull ? FULL_MIB : QUICK_MIB;
  const source = await makeSource(folder, mib);
  const target = join(folder, 'target');
  const direct = await openSftp(stack, sshd, folder, near.prefix);
  const ours = await openSftp(stack, agent, folder, near.prefix);
  for (const command of ['get', 'put'] as const) {
    say(`${rounds} rounds of sftp ${command} of ${mib} MiB at ${ROUND_TRIP_MS} ms`);
    for (let round = -1; round < rounds; round += 1) {
      const reference = await timeTransfer(direct, command, source, target);
      const seconds = await timeTransfer(ours, command, source, target);
      // The first round opens the windows.
      if (round < 0) continue;
      const mb = (mib * 1024 * 1024) / 1e6;
      figures.add(`distance.${command}.sshd`, 'MB/s', mb / reference);
      figures.add(`distance.${command}.ours`, 'MB/s', mb / seconds);
      figures.add(`distance.${command}.ratio`, 'ratio', reference / seconds);
    }
  }
}
