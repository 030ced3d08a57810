// A folder as a tar, of a job that is cut off, that fails, and that lies about what it has.
import { describe, expect, test } from 'vitest';
import {
  FileFault,
  type FolderEntry,
  type PageFiles,
} from '../../../../../services/clients/browser/job/job-files.ts';
import { MAX_ARCHIVE_FILL_BYTES } from '../../../../../services/clients/browser/page/dom/limits.ts';
import {
  type ArchiveReport,
  archiveOf,
} from '../../../../../services/clients/browser/page/files/folder-archive.ts';
import { folderDownloadOf } from '../../../../../services/clients/browser/page/files/transfer.ts';
import { Untrusted } from '../../../../../services/shared/text/untrusted.ts';

type Content = Uint8Array | FileFault | readonly [Uint8Array, FileFault];
interface Tree {
  readonly [name: string]: Content | Tree;
}

const isFolder = (node: Content | Tree): node is Tree =>
  !(node instanceof Uint8Array || node instanceof FileFault || Array.isArray(node));

/** A job that has `tree` at `/`, and `locked` for a folder; whatever is said in `sizes` of a path is what it claims. */
function jobWith(
  tree: Tree,
  {
    sizes = {},
    isWhole = true,
  }: { readonly sizes?: Readonly<Record<string, number>>; readonly isWhole?: boolean } = {},
): PageFiles {
  const at = (path: string): Content | Tree =>
    path
      .split('/')
      .filter((name) => name !== '')
      .reduce<Content | Tree>((node, name) => (node as Tree)[name] ?? new Uint8Array(), tree);
  const entryOf = (folder: string, name: string): FolderEntry => {
    const path = `${folder === '/' ? '' : folder}/${name}`;
    const node = at(path);
    const kind = isFolder(node) || name === 'locked' ? ('folder' as const) : ('file' as const);
    const known = Array.isArray(node) ? 2 * node[0].length : node instanceof Uint8Array ? node.length : 4;
    const facts = { kind, size: sizes[path] ?? known, modifiedMs: 0, permissions: 0o644, owner: undefined };
    return { name: new Untrusted(name), isReachable: true, ...facts };
  };
  const job: Pick<PageFiles, 'list' | 'read'> = {
    list: async (path) => {
      const node = at(path);
      if (node instanceof FileFault) throw node;
      return { isWhole, entries: Object.keys(node).map((name) => entryOf(path, name)) };
    },
    read: async (path) => {
      const content = at(path) as Content;
      if (content instanceof FileFault) throw content;
      const [bytes, fault] = content instanceof Uint8Array ? [content, undefined] : content;
      let isGiven = bytes.length === 0;
      return new ReadableStream<Uint8Array>(
        {
          pull(controller) {
            if (!isGiven) controller.enqueue(bytes);
            else if (fault === undefined) controller.close();
            else controller.error(fault);
            isGiven = true;
          },
        },
        { highWaterMark: 0 },
      );
    },
  };
  return job as PageFiles;
}

const LOST = new FileFault('ended', 'the way to the job was lost');
const BROKEN = new FileFault('failure', 'a disk that fails');
const text = (word: string): Uint8Array => new TextEncoder().encode(word);

async function archived(
  files: PageFiles,
): Promise<{ readonly bytes: Buffer; readonly report: ArchiveReport }> {
  const report: ArchiveReport = { files: 0, leftOut: 0, cut: 0 };
  const parts: Uint8Array[] = [];
  for await (const part of archiveOf(files, '/', 'top', report, new AbortController().signal))
    parts.push(part);
  return { bytes: Buffer.concat(parts), report };
}

/** Name and size of every entry, as whoever takes it apart finds them. */
function entriesOf(archive: Buffer): readonly (readonly [string, number])[] {
  const found: (readonly [string, number])[] = [];
  for (let at = 0; archive[at] !== 0; ) {
    const name = archive.toString('utf8', at, archive.indexOf(0, at));
    const size = Number.parseInt(archive.toString('latin1', at + 124, at + 135), 8);
    expect(archive.toString('latin1', at + 257, at + 262)).toBe('ustar');
    found.push([name, size]);
    at += 512 + Math.ceil(size / 512) * 512;
  }
  return found;
}

describe('a way that is cut', () => {
  test.each<[string, Tree]>([
    ['within a file of a folder below', { below: { a: [text('half'), LOST] } }],
    ['before a file of a folder below', { below: { a: LOST } }],
    ['before a file', { a: text('ab'), b: LOST }],
    ['before a folder', { a: text('ab'), locked: LOST }],
  ])('%s is no end of the archive', async (_where, tree) => {
    await expect(archived(jobWith(tree))).rejects.toMatchObject({ code: 'ended' });
  });

  test('leaves nothing that was saved', async () => {
    const said: string[] = [];
    const target = {
      write: async () => undefined,
      finish: async () => void said.push('finished'),
      discard: async () => void said.push('discarded'),
    };
    const work = folderDownloadOf('/', 'top', target);
    const { signal } = new AbortController();
    const running = work.run(jobWith({ below: { a: [text('half'), LOST] } }), 0, () => undefined, signal);
    await expect(running).rejects.toMatchObject({ code: 'ended' });
    expect(said).toEqual([]);
  });
});

test('a file that fails in its middle spoils nothing of what comes behind it, and is counted', async () => {
  const { bytes, report } = await archived(
    jobWith({ below: { a: [text('half'), BROKEN], b: text('whole') } }),
  );
  expect(entriesOf(bytes)).toEqual([
    ['top/', 0],
    ['top/below/', 0],
    ['top/below/a', 8],
    ['top/below/b', 5],
  ]);
  expect(report).toMatchObject({ files: 1, leftOut: 1 });
});

test('a file that cannot be read is left out, and counted', async () => {
  const { bytes, report } = await archived(jobWith({ a: BROKEN, b: text('whole') }));
  expect(entriesOf(bytes)).toEqual([
    ['top/', 0],
    ['top/b', 5],
  ]);
  expect(report).toMatchObject({ files: 1, leftOut: 1 });
});

test('a job cannot fill a disk by saying how large its files are', async () => {
  for (const size of [MAX_ARCHIVE_FILL_BYTES + 6, Number.MAX_SAFE_INTEGER]) {
    const files = jobWith({ a: text('short') }, { sizes: { '/a': size } });
    await expect(archived(files)).rejects.toMatchObject({ code: 'bad_answer' });
  }
});

test('a folder of which only the beginning is known is told', async () => {
  const { report } = await archived(jobWith({ a: text('x') }, { isWhole: false }));
  expect(report).toMatchObject({ files: 1, cut: 1 });
});
