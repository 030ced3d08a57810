// Transfers that break off: a download goes on with the same file or not at all, an upload leaves nothing open in the job.
import { expect, test } from 'vitest';
import { JobFault } from '../../../../../services/clients/browser/job/job-fault.ts';
import { FileFault, type PageFiles } from '../../../../../services/clients/browser/job/job-files.ts';
import {
  downloadOf,
  Transfer,
  type TransferWork,
  uploadOf,
} from '../../../../../services/clients/browser/page/files/transfer.ts';

const OLD = new TextEncoder().encode('the old content');

/** A job that has `content` of that time, and is lost after `breaksAfter` bytes of it. */
function jobWith(
  content: Uint8Array,
  modifiedMs: number,
  breaksAfter = content.length,
  code: 'ended' | 'closed' = 'ended',
): () => Promise<PageFiles> {
  const job: Pick<PageFiles, 'read' | 'stat'> = {
    stat: async () => ({
      kind: 'file',
      size: content.length,
      modifiedMs,
      permissions: 0o644,
      owner: undefined,
    }),
    read: async (_path, { from = 0 } = {}) => {
      const pieces = [content.subarray(from, breaksAfter)];
      return new ReadableStream<Uint8Array>(
        {
          pull(controller) {
            const piece = pieces.shift();
            if (piece !== undefined && piece.length > 0) controller.enqueue(piece);
            else if (breaksAfter < content.length) controller.error(new FileFault(code, 'lost'));
            else controller.close();
          },
        },
        { highWaterMark: 0 },
      );
    },
  };
  return async () => job as PageFiles;
}

function download(): { readonly transfer: Transfer; readonly said: string[]; readonly saved: () => string } {
  const said: string[] = [];
  const parts: Uint8Array[] = [];
  const target = {
    write: async (bytes: Uint8Array) => void parts.push(bytes),
    finish: async () => void said.push('finished'),
    discard: async () => void said.push('discarded'),
  };
  const work = downloadOf('/f', { name: 'f', size: OLD.length, target });
  return {
    transfer: new Transfer(work, () => undefined),
    said,
    saved: () => Buffer.concat(parts).toString(),
  };
}

test('of the same file it goes on where it was', async () => {
  const { said, saved, transfer } = download();
  await transfer.run(jobWith(OLD, 1, 7));
  expect([transfer.state.kind, transfer.moved, said]).toEqual(['interrupted', 7, []]);
  transfer.goOn();
  await transfer.run(jobWith(OLD, 1));
  expect([transfer.state.kind, saved(), said]).toEqual(['done', 'the old content', ['finished']]);
});

test.each([
  ['another time', OLD, 2],
  ['another size', new TextEncoder().encode('something new and longer'), 1],
])('of a file that has %s by then nothing is put together from both', async (_what, content, modifiedMs) => {
  const { said, transfer } = download();
  await transfer.run(jobWith(OLD, 1, 7));
  transfer.goOn();
  await transfer.run(jobWith(content, modifiedMs));
  expect([transfer.state.kind, said]).toEqual(['failed', ['discarded']]);
  expect(transfer.state).toMatchObject({ sentence: expect.stringContaining('changed in the job') });
});

test('an upload whose file can be read no more lets go of the file in the job', async () => {
  const said: string[] = [];
  const write: PageFiles['write'] = async () =>
    new WritableStream({ close: () => void said.push('closed'), abort: () => void said.push('let go') });
  const broken = new ReadableStream<Uint8Array>({
    start: (controller) => controller.error(new Error('the disk is gone')),
  });
  const file = { name: 'f', size: 9, slice: () => ({ stream: () => broken }) } as unknown as File;
  const transfer = new Transfer(uploadOf(file, '/f'), () => undefined);
  await transfer.run(async () => ({ write }) as PageFiles);
  expect(transfer.state).toEqual({ kind: 'failed', sentence: 'the disk is gone' });
  expect(said).toEqual(['let go']);
});

test.each([
  ['ended', 'lost'],
  ['closed', 'closed'],
] as const)(
  'one that breaks off because the channel has %s says so, and goes on only when it is told to',
  async (code, why) => {
    const { saved, transfer } = download();
    await transfer.run(jobWith(OLD, 1, 7, code));
    expect(transfer.state).toEqual({ kind: 'interrupted', why });
    await transfer.run(jobWith(OLD, 1));
    expect([transfer.state.kind, transfer.moved]).toEqual(['interrupted', 7]);
    transfer.goOn();
    await transfer.run(jobWith(OLD, 1));
    expect([transfer.state.kind, saved()]).toEqual(['done', 'the old content']);
  },
);

test('one for which there is no channel waits if the job is gone, and fails with the reason if the job says no', async () => {
  const { transfer } = download();
  await transfer.run(() => Promise.reject(new JobFault('ended', 'the job is not open')));
  expect(transfer.state).toEqual({ kind: 'interrupted', why: 'lost' });
  transfer.goOn();
  await transfer.run(() => Promise.reject(new JobFault('refused', 'the job says no: no files here')));
  expect(transfer.state).toEqual({ kind: 'failed', sentence: 'the job says no: no files here' });
});

test('what must begin anew does so while nothing was moved, and is given up in the middle', async () => {
  const said: string[] = [];
  const moves = [0, 5];
  const work: TransferWork = {
    way: 'down',
    name: 'folder.tar',
    size: undefined,
    canResume: false,
    async run(_files, _from, moved) {
      moved(moves.shift() ?? 0);
      throw new FileFault('ended', 'lost');
    },
    drop: async () => void said.push('dropped'),
  };
  const transfer = new Transfer(work, () => undefined);
  await transfer.run(jobWith(OLD, 1));
  expect([transfer.state, said]).toEqual([{ kind: 'interrupted', why: 'lost' }, []]);
  transfer.goOn();
  await transfer.run(jobWith(OLD, 1));
  expect([transfer.state.kind, said]).toEqual(['failed', ['dropped']]);
});
