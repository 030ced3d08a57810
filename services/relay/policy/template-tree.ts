// A tree of templates, by their segments: which of many could be the same ID as another one, without a look at each.
import type { IdSegment } from './id-template.ts';
import { mayCollide, type TemplateUse } from './template-overlap.ts';

interface Node<Use> {
  /** By their fixed text. */
  readonly fixed: Map<string, Node<Use>>;
  /** Those with a claim, by all that a segment has. */
  readonly claims: Map<string, Node<Use>>;
  /** Templates without a `*` that end here. */
  readonly ends: Use[];
  /** Templates with a `*` whose last segment stands here. */
  readonly rests: Use[];
}

export class TemplateTree<Use extends TemplateUse> {
  readonly #root = emptyNode<Use>();

  add(use: Use): void {
    const { isOpen, segments } = use.template;
    let node = this.#root;
    for (const [index, segment] of segments.entries()) {
      if (isOpen && index === segments.length - 1) {
        node.rests.push(use);
        return;
      }
      const [children, key] = placeOf(node, segment);
      const child = children.get(key) ?? emptyNode<Use>();
      children.set(key, child);
      node = child;
    }
    node.ends.push(use);
  }

  /** One that is there and could be given to another project than `use` under the same name. */
  findCollision(use: Use): Use | undefined {
    for (const other of candidates(this.#root, use, 0)) if (mayCollide(other, use)) return other;
    return undefined;
  }
}

function* candidates<Use extends TemplateUse>(node: Node<Use>, use: Use, index: number): Generator<Use> {
  const { isOpen, segments } = use.template;
  const segment = segments[index];
  if (segment === undefined) {
    yield* node.ends;
    return;
  }
  yield* node.rests;
  if (isOpen && index === segments.length - 1) {
    for (const child of childrenOf(node)) yield* all(child);
    return;
  }
  if (segment.claim === undefined) {
    const same = node.fixed.get(segment.before);
    if (same !== undefined) yield* candidates(same, use, index + 1);
    for (const child of node.claims.values()) yield* candidates(child, use, index + 1);
    return;
  }
  for (const child of childrenOf(node)) yield* candidates(child, use, index + 1);
}

function* all<Use>(node: Node<Use>): Generator<Use> {
  yield* node.ends;
  yield* node.rests;
  for (const child of childrenOf(node)) yield* all(child);
}

function* childrenOf<Use>({ fixed, claims }: Node<Use>): Generator<Node<Use>> {
  yield* fixed.values();
  yield* claims.values();
}

function placeOf<Use>(
  node: Node<Use>,
  { before, claim, after }: IdSegment,
): [children: Map<string, Node<Use>>, key: string] {
  if (claim === undefined) return [node.fixed, before];
  return [node.claims, JSON.stringify([before, claim, after])];
}

function emptyNode<Use>(): Node<Use> {
  return { fixed: new Map(), claims: new Map(), ends: [], rests: [] };
}
