// A visitor: a browser as far as signing on needs one, with cookies and redirects, and no page ever shown.

/** What it sends beside its cookies. */
export type VisitorRequest = Pick<RequestInit, 'method' | 'body'> & {
  readonly headers?: Readonly<Record<string, string>>;
};

export class Visitor {
  /** By origin. */
  readonly #cookies = new Map<string, Map<string, string>>();
  /** Where it has been, the last one last. */
  readonly visited: string[] = [];
  readonly #names: ReadonlyMap<string, string>;

  /** Where a name that no machine has leads to, as if by DNS: `http://relay.test` to `http://127.0.0.1:1234`. */
  constructor(names: ReadonlyMap<string, string> = new Map()) {
    this.#names = names;
  }

  /** Asks once. */
  async ask(url: string, init: VisitorRequest = {}): Promise<Response> {
    const { origin, pathname, search } = new URL(url);
    this.visited.push(url);
    const jar = this.#jarOf(origin);
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
    const target = this.#names.get(origin) ?? origin;
    const headers = { accept: 'text/html', ...(cookie === '' ? {} : { cookie }), ...init.headers };
    const answer = await fetch(`${target}${pathname}${search}`, { ...init, headers, redirect: 'manual' });
    for (const text of answer.headers.getSetCookie()) {
      const [pair = '', ...attributes] = text.split('; ');
      const [name = '', value = ''] = pair.split(/=(.*)/s);
      const isForgotten = attributes.some((attribute) => /^max-age=0$|^expires=.*1970/i.test(attribute));
      if (isForgotten) jar.delete(name);
      else jar.set(name, value);
    }
    return answer;
  }

  /** Follows redirects, until a page or an address that `stop` knows; that is not asked for. */
  async open(
    url: string,
    init: VisitorRequest = {},
    stop: (url: string) => boolean = () => false,
  ): Promise<{ readonly url: string; readonly answer: Response | undefined }> {
    let at = url;
    let answer = await this.ask(at, init);
    while (answer.status >= 300 && answer.status < 400) {
      at = new URL(answer.headers.get('location') ?? '', at).href;
      if (stop(at)) return { url: at, answer: undefined };
      answer = await this.ask(at);
    }
    return { url: at, answer };
  }

  cookie(origin: string, name: string): string | undefined {
    return this.#jarOf(origin).get(name);
  }

  setCookie(origin: string, name: string, value: string): void {
    this.#jarOf(origin).set(name, value);
  }

  #jarOf(origin: string): Map<string, string> {
    const jar = this.#cookies.get(origin) ?? new Map<string, string>();
    this.#cookies.set(origin, jar);
    return jar;
  }
}
