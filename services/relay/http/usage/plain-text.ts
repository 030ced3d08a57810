// The usage page as plain text, for `curl` and other readers without a browser.
import { wrapWords } from '#shared/text/wrap.ts';
import type { Offer } from '../download/binary.ts';
import { fillGaps, type Snippet } from './command-text.ts';
import { type EntryTerms, entryNotice } from './entry-terms.ts';
import { type FirstLine, jobFirstLines, laptopFirstLines } from './first-lines.ts';
import type { OwnAddress } from './own-address.ts';
import { plainFromProse } from './prose.ts';
import { buildSections, exposureWarning, type PageNote, SUMMARY, TITLE } from './sections.ts';
import { systemsTag } from './systems.ts';

/** Fits a terminal of 80 columns with some air; commands are never cut. */
const TEXT_WIDTH = 76;

export interface PageOptions {
  readonly relay: OwnAddress;
  /** A valid ID, or undefined: then samples and CI variables stand in its place. */
  readonly id: string | undefined;
  /** What there is to download. */
  readonly offer: Offer;
  readonly entry: EntryTerms;
}

export function renderPlainText(options: PageOptions): string {
  const { relay, id } = options;
  const warning = exposureWarning(relay);
  const lines = [`Converge: ${TITLE}`, '', wrap(plainFromProse(SUMMARY)), ''];
  if (warning !== undefined) lines.push(wrap(warning), '');
  lines.push(wrap(plainFromProse(entryNotice(options.entry))), '');
  lines.push(`Commands with the ID of your job: curl '${relay.http}/?id=${id ?? 'ID'}'`, '');
  for (const [title, firstLines] of [
    ['1. In the CI job', jobFirstLines(options)],
    ['2. On your laptop', laptopFirstLines(options)],
  ] as const) {
    lines.push(title, '-'.repeat(title.length), '');
    for (const line of firstLines) lines.push(...renderFirstLine(line, id), '');
  }
  for (const section of buildSections(options)) {
    lines.push(section.title, '-'.repeat(section.title.length), '', wrap(plainFromProse(section.lead)), '');
    for (const snippet of section.snippets) lines.push(...renderSnippet(snippet, id), '');
    for (const block of section.blocks) {
      if (block.before !== undefined)
        lines.push(
          ...renderSnippet(block.before, id),
          '',
          wrap(plainFromProse(block.before.where), '  '),
          '',
        );
      lines.push(
        ...renderSnippet(block, id),
        '',
        wrap(plainFromProse(`${block.where} ${block.note}`), '  '),
        '',
      );
    }
    for (const [term, meaning] of section.terms)
      lines.push(`  ${plainFromProse(term)}`, wrap(plainFromProse(meaning), '      '));
    if (section.terms.length > 0) lines.push('');
    for (const note of section.notes) lines.push(wrap(plainFromNote(note)), '');
  }
  return lines.join('\n');
}

function renderSnippet(snippet: Snippet, id: string | undefined): string[] {
  const tag = systemsTag(snippet.systems);
  return [
    `  # ${snippet.title}${tag === undefined ? '' : ` (${tag})`}`,
    fillGaps(snippet.text, id).replace(/^(?=.)/gm, '  '),
  ];
}

/** With its choice, which a page has on a button. */
function renderFirstLine({ label, title, text }: FirstLine, id: string | undefined): string[] {
  return renderSnippet({ name: '', title: `${label}: ${title}`, text }, id);
}

function plainFromNote(note: PageNote): string {
  if (typeof note === 'string') return plainFromProse(note);
  return `${systemsTag(note.systems)}: ${plainFromProse(note.text)}`;
}

function wrap(text: string, indent = ''): string {
  return wrapWords(text, TEXT_WIDTH - indent.length)
    .map((line) => indent + line)
    .join('\n');
}
