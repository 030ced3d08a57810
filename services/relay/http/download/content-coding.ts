// Content codings: which forms of a file a client takes, best first.

/** How a file may travel (RFC 9110 section 8.4.1, RFC 8878), in the relay's order of preference: the smallest first. */
const CONTENT_CODINGS = ['zstd', 'gzip', 'identity'] as const;

export type ContentCoding = (typeof CONTENT_CODINGS)[number];

/**
 * The codings that an Accept-Encoding header allows (RFC 9110 section 12.5.3), by weight, then by our preference.
 * `identity` is last where the header does not name it, also where the header forbids all that there is.
 */
export function acceptableCodings(header: string | readonly string[] | undefined): ContentCoding[] {
  const weights = weightsFrom([header ?? []].flat().join(','));
  const weightOf = (coding: ContentCoding): number =>
    weights.get(coding) ?? (coding === 'identity' ? unnamedIdentity(weights) : (weights.get('*') ?? 0));
  const allowed = CONTENT_CODINGS.filter((coding) => weightOf(coding) > 0);
  allowed.sort((a, b) => weightOf(b) - weightOf(a));
  return allowed.length > 0 ? allowed : ['identity'];
}

/** Not named, identity is still welcome, after everything that is named; `*;q=0` takes that away. */
function unnamedIdentity(weights: ReadonlyMap<string, number>): number {
  return weights.get('*') === 0 ? 0 : Number.MIN_VALUE;
}

function weightsFrom(header: string): Map<string, number> {
  const weights = new Map<string, number>();
  for (const item of header.toLowerCase().split(',')) {
    const [name = '', ...parameters] = item.split(';').map((part) => part.trim());
    if (name !== '') weights.set(name, weightFrom(parameters));
  }
  return weights;
}

/** A broken weight counts as a no: sending a form that is not understood is worse than sending more bytes. */
function weightFrom(parameters: readonly string[]): number {
  const text = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2) ?? '1';
  return /^(0(\.\d{0,3})?|1(\.0{0,3})?)$/.test(text) ? Number(text) : 0;
}
