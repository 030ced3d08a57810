// YAML as texts, lists and maps with their lines. Of YAML's rest nothing is taken: a policy says what it says in one way.
import { type Document, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml';
import { printable } from '#shared/text/printable.ts';
import type { FaultList } from './policy-fault.ts';

/** Lists in lists, maps in maps: a policy needs six. */
export const MAX_YAML_DEPTH = 16;

export type YamlNode = TextNode | ListNode | MapNode;

/** Also what other readers of YAML take for a number, a date, true or nothing: it is what was written. */
export interface TextNode {
  readonly kind: 'text';
  readonly text: string;
  readonly line: number;
}

export interface ListNode {
  readonly kind: 'list';
  readonly items: readonly YamlNode[];
  readonly line: number;
}

export interface MapNode {
  readonly kind: 'map';
  readonly entries: ReadonlyMap<string, MapEntry>;
  readonly line: number;
}

export interface MapEntry {
  /** Of the key. */
  readonly line: number;
  readonly value: YamlNode;
}

/** Reads one document; undefined if there is a fault, which is in `faults`. Never throws. */
export function readYaml(text: string, faults: FaultList): YamlNode | undefined {
  const lines = new LineCounter();
  const document = parsed(text, lines);
  if (document === undefined) {
    faults.add(1, `lists and maps are deeper in each other than ${MAX_YAML_DEPTH}`);
    return undefined;
  }
  const lineAt = (offset: number): number => Math.max(1, lines.linePos(offset).line);
  const source = text.split('\n');
  const told = new Set<number>();
  for (const { code, message, pos } of document.errors) {
    const line = lineAt(pos[0]);
    // What follows in the same line follows from the first.
    if (!told.has(line)) faults.add(line, yamlFault(code, message, source[line - 1] ?? ''));
    told.add(line);
  }
  const { contents } = document;
  if (document.errors.length > 0) return undefined;
  if (contents === null) return { kind: 'text', text: '', line: 1 };
  return new Conversion(lineAt, faults).node(contents, 0, 0);
}

function parsed(text: string, lineCounter: LineCounter): Document.Parsed | undefined {
  try {
    // The schema in which each scalar is a text. That keys are unique is seen to below: here it would take time that grows
    // with the square of their number.
    const options = {
      schema: 'failsafe',
      uniqueKeys: false,
      prettyErrors: false,
      logLevel: 'error',
    } as const;
    return parseDocument(text, { ...options, lineCounter });
  } catch {
    return undefined; // the stack is full
  }
}

/** What the package says of a line that is moved to the right or left, or of a colon without a space; its own words are for parsers. */
const COLUMN_FAULTS = /^(?:(?:BLOCK_AS|MULTILINE)_IMPLICIT_KEY|BAD_INDENT All|MISSING_CHAR Sequence) ?/;

function yamlFault(code: string, message: string, line: string): string {
  switch (code) {
    case 'MULTIPLE_DOCS':
      return 'a second document begins: a policy is one';
    case 'TAB_AS_INDENT':
      return 'a tab: indent with spaces';
    default: {
      const isAboutColumns = COLUMN_FAULTS.test(`${code} ${message}`);
      const columns = isAboutColumns
        ? '; words of one rule begin in one column, each with ": " behind it'
        : '';
      const hint = /[{}*[\]&!|>%@`]/.test(line)
        ? '; a text with { } or *, such as an ID, may need quotes'
        : '';
      return `not YAML: ${printable(message)}${columns}${hint}`;
    }
  }
}

class Conversion {
  readonly #lineAt: (offset: number) => number;
  readonly #faults: FaultList;

  constructor(lineAt: (offset: number) => number, faults: FaultList) {
    this.#lineAt = lineAt;
    this.#faults = faults;
  }

  /** `start`: where the node is if it does not know it itself. */
  node(node: Node, start: number, depth: number): YamlNode | undefined {
    const offset = node.range?.[0] ?? start;
    const line = this.#lineAt(offset);
    if (depth > MAX_YAML_DEPTH) {
      this.#faults.add(line, `lists and maps are deeper in each other than ${MAX_YAML_DEPTH}`);
      return undefined;
    }
    if (!isScalar(node) && !isSeq(node) && !isMap(node)) {
      this.#faults.add(
        line,
        'an alias: write out what it stands for; a text that begins with * needs quotes',
      );
      return undefined;
    }
    if (node.anchor !== undefined)
      this.#faults.add(line, `an anchor, &${printable(node.anchor)}: none is taken`);
    if (node.tag !== undefined) this.#faults.add(line, `a tag, ${printable(node.tag)}: none is taken`);
    if (isScalar(node)) {
      const { value } = node;
      return { kind: 'text', text: typeof value === 'string' ? value : '', line };
    }
    if (isSeq(node)) {
      const items = node.items.map((item) => this.node(item as Node, offset, depth + 1));
      return { kind: 'list', items: items.filter((item) => item !== undefined), line };
    }
    return { kind: 'map', entries: this.#entries(node.items, offset, depth), line };
  }

  #entries(
    pairs: readonly { readonly key: unknown; readonly value: unknown }[],
    start: number,
    depth: number,
  ): Map<string, MapEntry> {
    const entries = new Map<string, MapEntry>();
    for (const { key, value } of pairs) {
      const name = this.node(key as Node, start, depth + 1);
      if (name === undefined) continue;
      const { line } = name;
      if (name.kind !== 'text') {
        this.#faults.add(line, `a ${name.kind} where a word should be`);
        continue;
      }
      const known = entries.get(name.text);
      if (known !== undefined) {
        const word = printable(name.text, 64);
        this.#faults.add(line, `"${word}" is there twice, in line ${known.line} too: leave one out`);
        continue;
      }
      const empty = { kind: 'text', text: '', line } as const;
      const read = value === null || value === undefined ? empty : this.node(value as Node, start, depth + 1);
      if (read !== undefined) entries.set(name.text, { line, value: read });
    }
    return entries;
  }
}
