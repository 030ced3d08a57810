// Two network namespaces with a slow link between them; what runs inside reaches nothing else. For root.
import { spawnSync } from 'node:child_process';
import { runCommand } from '../../deploy/build/command.ts';
import { findCommand } from '../../deploy/build/debian-packages.ts';
import { type Place, start } from '../support/ssh/sshd.ts';
import { nativeProgram } from './native-program.ts';

/** Room for what a window of TCP sends at once: a link that drops would be another experiment. */
const QUEUE_PACKETS = 50_000;

export interface Places {
  readonly near: Place;
  readonly far: Place;
}

/** They end with `stack`. `roundTripMs`: there and back. @throws Error what `ip` says */
export async function openPlaces(stack: AsyncDisposableStack, roundTripMs: number): Promise<Places> {
  const ip = findCommand('ip') ?? 'ip';
  const names = ['near', 'far'].map((side) => `converge-bench-${side}-${process.pid}`);
  for (const name of names) {
    await runCommand(ip, ['netns', 'add', name]);
    // What is interrupted does not dispose; and nothing else ends a namespace with a name.
    const removeAtExit = (): void => void spawnSync(ip, ['netns', 'delete', name]);
    process.once('exit', removeAtExit);
    stack.defer(async () => {
      process.off('exit', removeAtExit);
      await runCommand(ip, ['netns', 'delete', name]);
    });
  }
  const [nearName = '', farName = ''] = names;
  const program = await nativeProgram('slow-link');
  const link = start(stack, 'slow-link', [program, nearName, farName, String(roundTripMs / 2)], '/');
  await link.see(/^ready$/m);
  const place = async (name: string, address: string): Promise<Place> => {
    await runCommand(ip, ['-n', name, 'link', 'set', 'lo', 'up']);
    await runCommand(ip, ['-n', name, 'address', 'add', `${address}/30`, 'dev', 'slow']);
    await runCommand(ip, ['-n', name, 'link', 'set', 'slow', 'txqueuelen', String(QUEUE_PACKETS), 'up']);
    return { address, prefix: [ip, 'netns', 'exec', name] };
  };
  return { near: await place(nearName, '10.99.0.1'), far: await place(farName, '10.99.0.2') };
}
