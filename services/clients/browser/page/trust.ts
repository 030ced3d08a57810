// What people should know of this page: whom they trust when they use it, how it is used from a keyboard, and what it cannot do.
import { button, element } from './dom/element.ts';
import { openDialog } from './dom/question.ts';

/** The build's digest, as SHA256SUMS and `npm run build` have it. */
function ownDigest(): string {
  return document.querySelector<HTMLMetaElement>('meta[name="converge-build"]')?.content ?? '';
}

/** One sentence for the entry screen. */
export const TRUST_SENTENCE =
  'SSH runs in this page, end to end: a relay passes on what it cannot read. But whoever serves the page could serve another one.';

const KEYS: readonly (readonly [string, string])[] = [
  [
    'Ctrl+Shift+C, Ctrl+Shift+V',
    'copy and paste (Cmd+C, Cmd+V on a Mac; on Windows also Ctrl+C with a selection, and Ctrl+V)',
  ],
  ['Ctrl+Shift+F', 'find in the terminal (Cmd+F on a Mac)'],
  ['Ctrl+F6', 'out of the terminal, which takes Tab for itself, to the buttons'],
  ['Arrows, Delete', 'on the tabs: another terminal, close this one'],
];

export async function showHelp(): Promise<void> {
  await openDialog<undefined>(
    'About this page',
    (answer) => [
      element('p', {}, TRUST_SENTENCE),
      element(
        'p',
        {},
        'To rely on nobody, use ssh with wsproxy, or keep converge-terminal.html of a build that you trust: check it once against SHA256SUMS, and open it from disk.',
      ),
      element('p', {}, 'This page says that its two scripts, one behind the other, have the SHA-256:'),
      element('pre', { class: 'quoted', tabindex: 0 }, ownDigest()),
      element(
        'dl',
        {},
        ...KEYS.flatMap(([keys, what]) => [element('dt', {}, keys), element('dd', {}, what)]),
      ),
      element(
        'p',
        {},
        'A port of the job is not opened in here: its pages would run as part of this one. Use ./wsproxy ssh with -L for that.',
      ),
      element(
        'p',
        {},
        'A reload ends the terminals of this page: the keys of the session are in no storage. The job itself goes on.',
      ),
      element(
        'div',
        { class: 'actions' },
        button('Close', () => answer(undefined), { class: 'main' }),
      ),
    ],
    { className: 'help' },
  );
}
