// The channel that the files panel keeps: one for all who ask, and another one once it is gone.
import { expect, test } from 'vitest';
import type { PageFiles } from '../../../../../services/clients/browser/job/job-files.ts';
import {
  FilesChannel,
  type FilesOpener,
} from '../../../../../services/clients/browser/page/files/files-channel.ts';

interface Fake {
  isOver: boolean;
  readonly number: number;
}

function setUp() {
  const opened: Fake[] = [];
  const job: { open: FilesOpener } = {
    open: async () => {
      const files = { isOver: false, number: opened.length };
      opened.push(files);
      return files as unknown as PageFiles;
    },
  };
  return { opened, job, channel: new FilesChannel(() => job.open) };
}

test('whoever asks has the same, also while it is being opened', async () => {
  const { channel, opened } = setUp();
  const [one, other] = await Promise.all([channel.files(), channel.files()]);
  expect([one === other, await channel.files()]).toEqual([true, one]);
  expect(opened).toHaveLength(1);
});

test('one that the job has closed is opened anew by the next who asks, once', async () => {
  const { channel, opened } = setUp();
  await channel.files();
  for (const files of opened) files.isOver = true;
  const [one, other] = await Promise.all([channel.files(), channel.files()]);
  expect([one, other]).toEqual([opened[1], opened[1]]);
});

test('a no is not kept: the next who asks may hear a yes', async () => {
  const { channel, job } = setUp();
  const { open } = job;
  job.open = () => Promise.reject(new Error('too many channels'));
  await expect(channel.files()).rejects.toThrow('too many');
  job.open = open;
  expect(await channel.files()).toMatchObject({ number: 0 });
});

test('without a job there is none, and with another job another one', async () => {
  const { channel, job } = setUp();
  const { open } = job;
  job.open = undefined;
  await expect(channel.files()).rejects.toMatchObject({ code: 'ended' });
  job.open = open;
  await channel.files();
  channel.forget();
  expect(await channel.files()).toMatchObject({ number: 1 });
});
