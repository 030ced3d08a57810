// Two SSH hosts with files, OpenSSH's and ours, as pages reach them: what they do with the same deeds can be compared.
import { connect } from 'node:net';
import { userInfo } from 'node:os';
import path from 'node:path';
import type { PageFiles } from '../../../services/clients/browser/job/job-files.ts';
import { openSftp } from '../../../services/clients/browser/sftp/sftp-files.ts';
import type { Channel } from '../../../services/clients/browser/ssh/channels/channel.ts';
import { openSession } from '../../../services/clients/browser/ssh/channels/session.ts';
import { ensureCommands } from '../machine/test-commands.ts';
import { startSshHost } from '../ssh/ssh-host.ts';
import { makeKeyFolder, startSshd } from '../ssh/sshd.ts';
import { keyFromFile } from './page-key.ts';
import { type PageSession, startPageSession } from './page-session.ts';
import { lineOver } from './tcp-line.ts';

export const FILE_HOSTS = ['sshd', 'agent'] as const;
export type FileHost = (typeof FILE_HOSTS)[number];

/** Files over a channel of their own, which a test may break. */
export interface HostFiles extends Disposable {
  readonly files: PageFiles;
  readonly channel: Channel;
}

export interface FileHosts {
  open(host: FileHost): Promise<HostFiles>;
}

/** Starts both; they are stopped with `stack`. */
export async function startFileHosts(stack: AsyncDisposableStack): Promise<FileHosts> {
  await ensureCommands(['ssh-keygen', 'sshd', 'sftp-server']);
  const keys = await makeKeyFolder(stack);
  const sshd = await startSshd(stack, keys);
  const agent = await startSshHost();
  stack.defer(() => agent.stop());
  const line = (port: number) => lineOver(connect({ port, host: '127.0.0.1' }));
  const pages: Readonly<Record<FileHost, PageSession>> = {
    sshd: await startPageSession(line(sshd.port), {
      user: userInfo().username,
      signIn: { keys: [keyFromFile(path.join(keys, 'key'))] },
    }),
    agent: await startPageSession(line(agent.port), { signIn: { keys: [keyFromFile(agent.keyFile)] } }),
  };
  stack.defer(() => {
    for (const page of Object.values(pages)) page.transport.close('the test is over');
  });
  return {
    async open(host) {
      const run = { kind: 'subsystem', name: 'sftp' } as const;
      const opened = await openSession(pages[host].connection, { run });
      if (opened.kind === 'refused') throw new Error('no SFTP');
      const { channel } = opened;
      const files = await openSftp(channel);
      return { files, channel, [Symbol.dispose]: () => files.close() };
    },
  };
}
