// The file viewer: an image, or a text that one can change and save. Everything else is only downloaded.
import { joinBytes } from '#shared/stream/byte-chunk.ts';
import type { FileFacts, PageFiles } from '../../job/job-files.ts';
import { announce } from '../dom/announcer.ts';
import { button, element } from '../dom/element.ts';
import { MAX_IMAGE_BYTES, MAX_TEXT_BYTES } from '../dom/limits.ts';
import { askToChoose, openDialog } from '../dom/question.ts';
import { chunksOf } from '../dom/stream-chunks.ts';
import { visibleText } from '../dom/visible-text.ts';
import { faultSentence, sizeText } from './file-text.ts';
import { imageTypeOf } from './image-type.ts';
import { lineEndsOf, withLineEnds } from './line-ends.ts';

type Content =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'image'; readonly blob: Blob }
  | { readonly kind: 'other'; readonly sentence: string };

export interface FileViewerOptions {
  readonly files: PageFiles;
  readonly path: string;
  readonly name: string;
  readonly download: () => void;
}

/** Opens the dialog; resolves when it is closed, to whether the file was saved. */
export async function viewFile(options: FileViewerOptions): Promise<boolean> {
  const { files, path } = options;
  const facts = await files.stat(path);
  const content = await readContent(files, path, facts);
  const title = visibleText(options.name, 80);
  switch (content.kind) {
    case 'text':
      return await editText(options, facts, content.text, title);
    case 'image':
      await showImage(content.blob, title, options);
      return false;
    case 'other':
      await openDialog(title, (answer) => [
        element('p', {}, content.sentence),
        element(
          'div',
          { class: 'actions' },
          button('Close', () => answer(undefined)),
          downloadButton(options, () => answer(undefined)),
        ),
      ]);
      return false;
  }
}

async function readContent(files: PageFiles, path: string, { size = 0 }: FileFacts): Promise<Content> {
  if (size > MAX_IMAGE_BYTES)
    return { kind: 'other', sentence: `It has ${sizeText(size)}, which is too much to show here.` };
  const bytes = await readWhole(files, path, MAX_IMAGE_BYTES);
  const type = imageTypeOf(bytes);
  if (type !== undefined) return { kind: 'image', blob: new Blob([bytes], { type }) };
  if (bytes.length > MAX_TEXT_BYTES)
    return { kind: 'other', sentence: `It has ${sizeText(size)}, which is too much to show here.` };
  const text = textFrom(bytes);
  return text === undefined
    ? { kind: 'other', sentence: 'It is neither a text nor an image that can be shown here.' }
    : { kind: 'text', text };
}

async function readWhole(files: PageFiles, path: string, maxBytes: number): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const bytes of chunksOf(await files.read(path))) {
    parts.push(bytes);
    length += bytes.length;
    // What a file is said to have and what it has are two things.
    if (length > maxBytes) break;
  }
  return joinBytes(parts);
}

/** UTF-8 without zeros, and to the byte what would be written again. */
function textFrom(bytes: Uint8Array): string | undefined {
  if (bytes.includes(0)) return undefined;
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

async function showImage(blob: Blob, title: string, options: FileViewerOptions): Promise<void> {
  const url = URL.createObjectURL(blob);
  await openDialog(
    title,
    (answer) => [
      element('img', { src: url, alt: title }),
      element(
        'div',
        { class: 'actions' },
        button('Close', () => answer(undefined)),
        downloadButton(options, () => answer(undefined)),
      ),
    ],
    'viewer',
  );
  URL.revokeObjectURL(url);
}

async function editText(
  options: FileViewerOptions,
  facts: FileFacts,
  text: string,
  title: string,
): Promise<boolean> {
  const ends = lineEndsOf(text);
  let known = facts;
  let isSaved = false;
  await openDialog<undefined>(
    title,
    (answer) => {
      const area = element('textarea', {
        'aria-label': `Text of ${title}`,
        spellcheck: 'false',
        wrap: 'off',
        autocapitalize: 'none',
      });
      area.value = text;
      if (ends === 'mixed') {
        area.readOnly = true;
        const close = button('Close', () => answer(undefined), { class: 'main' });
        const download = downloadButton(options, () => undefined);
        return [
          element('p', { class: 'hint' }, MIXED),
          area,
          element('div', { class: 'actions' }, download, close),
        ];
      }
      const save = button('Save', () => void write(), { class: 'main', disabled: true });
      const write = async (): Promise<void> => {
        save.disabled = true;
        const saved = await saveText(options, known, withLineEnds(area.value, ends));
        if (saved === undefined) {
          save.disabled = false;
          return;
        }
        known = saved;
        isSaved = true;
        announce(`Saved ${title}.`);
      };
      area.addEventListener('input', () => {
        save.disabled = false;
      });
      area.addEventListener('keydown', (event) => {
        if (event.key.toLowerCase() !== 's' || !(event.ctrlKey || event.metaKey)) return;
        event.preventDefault();
        if (!save.disabled) void write();
      });
      return [
        area,
        element(
          'div',
          { class: 'actions' },
          downloadButton(options, () => undefined),
          button('Close', () => answer(undefined)),
          save,
        ),
      ];
    },
    'viewer',
  );
  return isSaved;
}

const MIXED =
  'Its lines end in different ways, which a page cannot keep: here it can be read, and not be changed.';

/** What is known of it afterwards; undefined if it was not saved. */
async function saveText(
  { files, path }: FileViewerOptions,
  known: FileFacts,
  text: string,
): Promise<FileFacts | undefined> {
  try {
    const now = await files.stat(path).catch(() => undefined);
    const hasChanged = now !== undefined && (now.size !== known.size || now.modifiedMs !== known.modifiedMs);
    if (hasChanged) {
      const answer = await askToChoose<'over'>({
        title: 'The file has changed in the job',
        said: ['Somebody or something wrote to it since you opened it.'],
        choices: [{ label: 'Write mine over it', answer: 'over' }],
      });
      if (answer !== 'over') return undefined;
    }
    const writer = (await files.write(path)).getWriter();
    await writer.write(new TextEncoder().encode(text));
    await writer.close();
    return await files.stat(path);
  } catch (error) {
    announce(`Not saved: ${faultSentence(error)}.`);
    return undefined;
  }
}

function downloadButton({ download }: FileViewerOptions, after: () => void): HTMLButtonElement {
  return button('Download', () => {
    download();
    after();
  });
}
