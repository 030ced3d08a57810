// The file viewer: an image, or a text that one can change and save. Everything else is only downloaded.
import type { FileFacts, PageFiles } from '../../job/job-files.ts';
import { announce } from '../dom/announcer.ts';
import { button, element } from '../dom/element.ts';
import { MAX_IMAGE_BYTES, MAX_TEXT_BYTES } from '../dom/limits.ts';
import { askToChoose, openDialog } from '../dom/question.ts';
import { visibleText } from '../dom/visible-text.ts';
import { faultSentence, sizeText } from './file-text.ts';
import { imageTypeOf } from './image-type.ts';
import { lineEndsOf, withLineEnds } from './line-ends.ts';
import { saveText } from './text-save.ts';
import { readWhole } from './whole-file.ts';

type Content =
  | { readonly kind: 'text'; readonly text: string; readonly bytes: Uint8Array }
  | { readonly kind: 'image'; readonly blob: Blob }
  | { readonly kind: 'other'; readonly sentence: string };

export interface FileViewerOptions {
  /** A channel that is open; asked for each use, since one may be closed meanwhile. */
  readonly files: () => Promise<PageFiles>;
  readonly path: string;
  readonly name: string;
  readonly download: () => void;
  /** Takes what tells whether something typed would be lost with the page; undefined when nothing is open any more. */
  readonly editing: (isUnsaved: (() => boolean) | undefined) => void;
}

/** Opens the dialog; resolves when it is closed, to whether the file was saved. */
export async function viewFile(options: FileViewerOptions): Promise<boolean> {
  const { path } = options;
  const files = await options.files();
  const facts = await files.stat(path);
  const content = await readContent(files, path, facts);
  const title = visibleText(options.name, 80);
  switch (content.kind) {
    case 'text':
      return await editText(options, content, title);
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
    : { kind: 'text', text, bytes };
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
    { className: 'viewer' },
  );
  URL.revokeObjectURL(url);
}

async function editText(
  options: FileViewerOptions,
  { bytes, text }: Extract<Content, { kind: 'text' }>,
  title: string,
): Promise<boolean> {
  const ends = lineEndsOf(text);
  let before = bytes;
  let isSaved = false;
  const area = element('textarea', {
    'aria-label': `Text of ${title}`,
    spellcheck: 'false',
    wrap: 'off',
    autocapitalize: 'none',
  });
  area.value = text;
  // As the browser has it, whose line ends are its own.
  let kept = area.value;
  const isUnsaved = (): boolean => area.value !== kept;
  options.editing(isUnsaved);
  await openDialog<undefined>(
    title,
    (answer) => {
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
      const saveButton = button('Save', () => write(), { class: 'main', disabled: true });
      // One after the other: what one has saved is what the next one finds.
      let last = Promise.resolve();
      const write = (): void => {
        last = last.then(writeNow);
      };
      const writeNow = async (): Promise<void> => {
        saveButton.disabled = true;
        const typed = area.value;
        const written = new TextEncoder().encode(withLineEnds(typed, ends));
        if (await save(options, before, written, title)) {
          before = written;
          kept = typed;
          isSaved = true;
        } else saveButton.disabled = false;
      };
      area.addEventListener('input', () => {
        saveButton.disabled = false;
      });
      area.addEventListener('keydown', (event) => {
        if (event.key.toLowerCase() !== 's' || !(event.ctrlKey || event.metaKey)) return;
        event.preventDefault();
        if (!saveButton.disabled) write();
      });
      return [
        area,
        element(
          'div',
          { class: 'actions' },
          downloadButton(options, () => undefined),
          button('Close', () => answer(undefined)),
          saveButton,
        ),
      ];
    },
    { className: 'viewer', mayLeave: async () => !isUnsaved() || (await mayThrowAway(title)) },
  );
  options.editing(undefined);
  return isSaved;
}

async function mayThrowAway(title: string): Promise<boolean> {
  const answer = await askToChoose<'throw_away'>({
    title: 'Close without saving?',
    said: [`What you changed in ${title} is not in the job yet.`],
    refusal: 'Go on editing',
    choices: [{ label: 'Throw it away', answer: 'throw_away' }],
  });
  return answer === 'throw_away';
}

const MIXED =
  'Its lines end in different ways, which a page cannot keep: here it can be read, and not be changed.';

/** True if the job has it now. What came of it is said. Never rejects. */
async function save(
  { files, path }: FileViewerOptions,
  before: Uint8Array,
  bytes: Uint8Array,
  title: string,
): Promise<boolean> {
  let opened: PageFiles;
  try {
    opened = await files();
  } catch (error) {
    announce(`Not saved: ${faultSentence(error)}.`);
    return false;
  }
  const saved = await saveText({ files: opened, path, before, bytes, confirm: mayWrite });
  switch (saved.kind) {
    case 'saved':
      announce(`Saved ${title}.`);
      return true;
    case 'saved_in_place':
      announce(
        `Saved ${title}. It was written over in place: nothing can be made beside it that is as it is.`,
      );
      return true;
    case 'kept':
      return false;
    case 'failed':
      announce(`Not saved: ${faultSentence(saved.error)}. ${saved.isHarmed ? HARMED : UNHARMED}`);
      return false;
  }
}

const UNHARMED = 'The file in the job is whole.';
const HARMED = 'The file in the job may hold a part of it: save it again, or copy the text from here.';

async function mayWrite(change: 'changed' | 'gone'): Promise<boolean> {
  const hasChanged = change === 'changed';
  const answer = await askToChoose<'write'>({
    title: hasChanged ? 'The file has changed in the job' : 'The file is gone from the job',
    said: [
      hasChanged
        ? 'Somebody or something wrote to it since you opened it.'
        : 'Somebody or something has removed or renamed it since you opened it.',
    ],
    choices: [{ label: hasChanged ? 'Write mine over it' : 'Make it anew', answer: 'write' }],
  });
  return answer === 'write';
}

function downloadButton({ download }: FileViewerOptions, after: () => void): HTMLButtonElement {
  return button('Download', () => {
    download();
    after();
  });
}
