// Fields: the words of a map, each of the type that it must have. What is wrong goes into the list of faults.
import { nearestWord } from '#shared/text/nearest-word.ts';
import { printable } from '#shared/text/printable.ts';
import type { FaultList } from './policy-fault.ts';
import type { ListNode, MapEntry, MapNode, TextNode, YamlNode } from './yaml-node.ts';

/** Of any list in the file but that of the rules. */
export const MAX_POLICY_LIST = 1_000;

/** No text in the file needs to be repeated at greater length, in characters. */
const MAX_QUOTED_LENGTH = 64;

/** A text of the file, in a message. */
export function quoted(text: string): string {
  return `"${printable(text, MAX_QUOTED_LENGTH)}"`;
}

export class Fields {
  readonly line: number;
  /** Whose fields they are, in messages: `rule acme-ci`. Empty: the file's. */
  readonly #owner: string;
  readonly #entries: ReadonlyMap<string, MapEntry>;
  readonly #faults: FaultList;

  constructor({ entries, line }: MapNode, owner: string, faults: FaultList) {
    this.line = line;
    this.#owner = owner;
    this.#entries = entries;
    this.#faults = faults;
  }

  /** Complains of each word that is none of `words`. */
  expect(words: readonly string[]): void {
    for (const [word, { line }] of this.#entries) {
      if (words.includes(word)) continue;
      const nearest = nearestWord(word, words);
      const hint = nearest === undefined ? `the words are ${words.join(', ')}` : `did you mean "${nearest}"?`;
      this.#faults.add(line, `${this.about(`${quoted(word)} is no word here`)}: ${hint}`);
    }
  }

  has(word: string): boolean {
    return this.#entries.has(word);
  }

  /** The line of the word; that of the whole where it is not there. */
  lineOf(word: string): number {
    return this.#entries.get(word)?.line ?? this.line;
  }

  /** `rule acme-ci: TEXT`. */
  about(text: string): string {
    return this.#owner === '' ? text : `${this.#owner}: ${text}`;
  }

  fault(word: string, text: string): void {
    this.#faults.add(this.lineOf(word), this.about(text));
  }

  node(word: string): YamlNode | undefined {
    return this.#entries.get(word)?.value;
  }

  /** Undefined if it is not there, or is no text; an empty one is none. */
  text(word: string): TextNode | undefined {
    const node = this.node(word);
    if (node === undefined) return undefined;
    if (node.kind === 'text' && node.text !== '') return node;
    this.#wrongType(word, 'a text', node);
    return undefined;
  }

  /** As `text`; that it is not there is a fault too: `why` says what it is for. */
  neededText(word: string, why: string): TextNode | undefined {
    if (!this.has(word)) this.fault(word, `"${word}" is missing: ${why}`);
    return this.text(word);
  }

  map(word: string): MapNode | undefined {
    const node = this.node(word);
    if (node === undefined || node.kind === 'map') return node;
    this.#wrongType(word, 'a map', node);
    return undefined;
  }

  list(word: string): ListNode | undefined {
    const node = this.node(word);
    if (node === undefined) return undefined;
    if (node.kind === 'list') return node;
    this.#wrongType(word, 'a list', node);
    return undefined;
  }

  /** One text, or a list of them that is not empty. Undefined if it is not there or if anything is wrong with it. */
  texts(word: string): readonly TextNode[] | undefined {
    const node = this.node(word);
    return node === undefined ? undefined : textsOf(node, this.about(`"${word}"`), this.#faults);
  }

  #wrongType(word: string, wanted: string, node: YamlNode): void {
    this.fault(word, `"${word}" must be ${wanted}, and is ${typeText(node)}`);
  }
}

/** `node` as one text or several; `what` begins the sentence of a fault. */
export function textsOf(node: YamlNode, what: string, faults: FaultList): readonly TextNode[] | undefined {
  if (node.kind === 'text' && node.text !== '') return [node];
  if (node.kind !== 'list') {
    faults.add(node.line, `${what} must be a text or a list of texts, and is ${typeText(node)}`);
    return undefined;
  }
  if (node.items.length === 0) {
    faults.add(node.line, `${what} is an empty list, which nobody matches: leave it out, or name one`);
    return undefined;
  }
  if (node.items.length > MAX_POLICY_LIST) {
    faults.add(node.line, `${what} has ${node.items.length} entries: at most ${MAX_POLICY_LIST}`);
    return undefined;
  }
  const texts = node.items.filter((item) => item.kind === 'text' && item.text !== '') as TextNode[];
  for (const item of node.items) {
    const isText = item.kind === 'text' && item.text !== '';
    if (!isText) faults.add(item.line, `${what} must have texts only, and has ${typeText(item)}`);
  }
  return texts.length === node.items.length ? texts : undefined;
}

/** What a node is, in words. */
export function typeText(node: YamlNode): string {
  if (node.kind !== 'text') return `a ${node.kind}`;
  return node.text === '' ? 'empty' : `the text ${quoted(node.text)}`;
}
