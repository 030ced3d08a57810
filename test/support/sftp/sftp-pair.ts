// An SFTP connection in this process: our server at one end of a pair of streams, the bare client at the other.
import { duplexPair } from 'node:stream';
import { POSIX_FILES } from '../../../services/agent/platform/posix/posix-files.ts';
import { serveSftp } from '../../../services/agent/sftp/sftp-connection.ts';
import { SftpClient } from './sftp-client.ts';
import { makeTree } from './sftp-tree.ts';

export function sftpOptionsFor(root: string) {
  return { files: POSIX_FILES, cwd: root, home: root, onActivity() {} };
}

/** A served tree, of its own, and its client. Disposing ends the connection and removes the tree. */
export async function openSftpConnection() {
  const tree = await makeTree();
  const [channel, far] = duplexPair({ highWaterMark: 1024 * 1024 });
  const service = serveSftp(channel, sftpOptionsFor(tree.root));
  const client = new SftpClient(far, far);
  await client.init();
  return {
    client,
    channel,
    root: tree.root,
    done: service.done,
    stop: () => service.stop(),
    async [Symbol.asyncDispose]() {
      service.stop();
      await service.done;
      await tree[Symbol.asyncDispose]();
    },
  };
}
