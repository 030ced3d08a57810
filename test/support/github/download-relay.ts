// A relay that serves an agent of the test, and how it is asked for it.
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PLATFORM } from '../../../deploy/build/source-tree.ts';

export interface DownloadRelay extends AsyncDisposable {
  readonly url: string;
  readonly sha256: string;
  /** Paths, in the order in which they were asked for. */
  readonly asked: readonly string[];
  /** What `/docs/SHA256SUMS` says in place of the truth. */
  sums: string | undefined;
  /** So many answers are 503. */
  busy: number;
}

export async function startDownloadRelay(program: string): Promise<DownloadRelay> {
  const asked: string[] = [];
  const sha256 = createHash('sha256').update(program).digest('hex');
  const file = `agent-${PLATFORM}`;
  const server = createServer(({ url: path = '' }, response) => {
    asked.push(path);
    relay.busy -= 1;
    if (relay.busy >= 0) response.writeHead(503).end();
    else if (path === '/docs/SHA256SUMS')
      response.end(relay.sums ?? `${sha256}  ${file}\n${'0'.repeat(64)}  wsproxy\n`);
    else if (path === `/docs/${file}`) response.end(program);
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const relay: DownloadRelay = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    sha256,
    asked,
    sums: undefined,
    busy: 0,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return relay;
}
