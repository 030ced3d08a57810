// A relay that refuses a page's WebSocket, and what it then says at its door: as much as a refusal, and no more.
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { parseJobUrl } from '../../../services/clients/browser/connection/job-url.ts';
import { dialFromPage } from '../../../services/clients/browser/connection/page-dial.ts';
import { systemClock } from '../../../services/shared/time/clock.ts';

/** What a page makes of a relay whose door answers so. */
async function dialled(door: (answer: ServerResponse) => void) {
  const server = createServer((request, answer) => {
    if (request.method === 'POST' && request.url === '/terminal/job/door') door(answer);
    else answer.writeHead(404).end();
  });
  server.on('upgrade', (_request, socket) => socket.destroy());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const target = parseJobUrl(`ws://127.0.0.1:${(server.address() as AddressInfo).port}/client/job`);
  if (target === undefined) throw new Error('no address of a job');
  const { signal } = new AbortController();
  return await dialFromPage({ target, waitSeconds: 0, clock: systemClock, signal });
}

test('a refusal is heard', async () => {
  const outcome = await dialled((answer) => {
    answer.writeHead(404).end(JSON.stringify({ code: 'agent_not_found', message: 'no job' }));
  });
  expect(outcome).toMatchObject({ kind: 'refused', refusal: { code: 'agent_not_found' } });
});

test('an answer without end is not read to its end', async () => {
  const left = Promise.withResolvers<number>();
  const outcome = await dialled((answer) => {
    let written = 0;
    answer.writeHead(404);
    const more = (): void => {
      while (!answer.destroyed && written < 2 ** 30) {
        written += 65_536;
        if (!answer.write(Buffer.alloc(65_536, 'x'))) break;
      }
    };
    answer.on('drain', more).on('close', () => left.resolve(written));
    more();
  });
  expect(outcome).toEqual({ kind: 'silent' });
  expect(await left.promise).toBeLessThan(2 ** 25);
});
