// What of the operator's view somebody asks for: which table, searched and sorted how, and which page of it.

export const VIEWS = ['agents', 'sessions', 'refusals', 'limits', 'blocks', 'pods'] as const;
export type View = (typeof VIEWS)[number];

/** The columns that a table can be sorted by; the first is the one by default. */
export const SORT_KEYS = {
  agents: ['age', 'id', 'rule', 'subject', 'deadline', 'clients', 'pod'],
  sessions: ['age', 'id', 'client', 'subject', 'received', 'sent', 'pod'],
} as const;
export type SortKey = (typeof SORT_KEYS)['agents' | 'sessions'][number];

/** Rows per page: what may be chosen, the first by default. */
export const PAGE_SIZES = [50, 25, 100, 200] as const;

/** Nobody pages further than this: a search finds it sooner. In rows. */
export const MAX_PAGED_ROWS = 10_000;

/** Of a search, in characters. */
export const MAX_SEARCH_LENGTH = 200;

export interface ViewQuery {
  readonly view: View;
  readonly search: string;
  readonly sort: SortKey;
  readonly direction: 'asc' | 'desc';
  /** From 1 on. */
  readonly page: number;
  readonly size: number;
}

type Words = Readonly<Record<string, unknown>>;

/** What cannot be read counts as not said: the page shows what it took. */
export function readViewQuery(words: Words): ViewQuery {
  const view = oneOf(VIEWS, words['view']) ?? VIEWS[0];
  const keys: readonly SortKey[] = view === 'sessions' ? SORT_KEYS.sessions : SORT_KEYS.agents;
  const size = PAGE_SIZES.find((choice) => String(choice) === words['size']) ?? PAGE_SIZES[0];
  const page = /^[1-9]\d{0,4}$/.test(textOf(words['page'])) ? Number(words['page']) : 1;
  const sort = oneOf(keys, words['sort']) ?? 'age';
  return {
    view,
    search: textOf(words['q']).trim().slice(0, MAX_SEARCH_LENGTH),
    sort,
    direction: oneOf(['asc', 'desc'] as const, words['dir']) ?? directionOf(sort),
    page: Math.min(page, MAX_PAGED_ROWS / size),
    size,
  };
}

/** Of a column that somebody has just chosen: names from A on, numbers from the largest on, the youngest first. */
export function directionOf(sort: SortKey): 'asc' | 'desc' {
  return ['clients', 'received', 'sent'].includes(sort) ? 'desc' : 'asc';
}

/** As the query string of a URL; `changes` of it are other than in `query`. A page of another order is the first. */
export function formatViewQuery(query: ViewQuery, changes: Partial<ViewQuery> = {}): string {
  const { view, search, sort, direction, page, size } = { ...query, page: 1, ...changes };
  const words = new URLSearchParams({ view });
  if (search !== '') words.set('q', search);
  if (view === 'agents' || view === 'sessions') {
    words.set('sort', sort);
    words.set('dir', direction);
    if (size !== PAGE_SIZES[0]) words.set('size', String(size));
    if (page > 1) words.set('page', String(page));
  }
  return words.toString();
}

function oneOf<Word extends string>(words: readonly Word[], said: unknown): Word | undefined {
  return words.find((word) => word === said);
}

function textOf(said: unknown): string {
  return typeof said === 'string' ? said : '';
}
