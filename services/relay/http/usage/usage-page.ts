// The usage page: `GET /`, the commands for this very relay, as HTML or as plain text.
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { isValidId } from '#shared/protocol/paths.ts';
import { Refused } from '../door/refusal.ts';
import type { Offer } from '../download/binary.ts';
import type { EntryTerms } from './entry-terms.ts';
import { addressFromPublicUrl, addressFromRequest } from './own-address.ts';
import { renderPage } from './page.ts';
import { renderPlainText } from './plain-text.ts';
import { ID_HINT } from './sections.ts';
import { SECURITY_HEADERS } from './security-headers.ts';

export interface UsagePageOptions {
  /** What the commands point at, whatever the request says (`PUBLIC_URL`). */
  readonly publicUrl?: string | URL | undefined;
  /** What there is to download; asked for every page. */
  offer(): Offer | Promise<Offer>;
  /** Who may come in, by the policy of this moment. */
  readonly entryTerms: () => EntryTerms;
}

/** The page depends on who asks and how they came; a shared cache could hand one relay's commands to another's users. */
const CACHE_CONTROL = 'no-store';

/**
 * Adds `GET` and `HEAD` of `/`, with `?id=ID` for commands with that ID (status 400 and a message if it is not an ID).
 * HTML for who accepts text/html, plain text for others such as curl. Scheme and host are those of `publicUrl`, or of
 * the request as fastify's `trustProxy` lets it say; a host that could not stand in a command is refused with 400.
 * Throws a TypeError if `publicUrl` is not an http(s) URL.
 */
export function registerUsagePage(app: FastifyInstance, options: UsagePageOptions): void {
  const fixed = options.publicUrl === undefined ? undefined : addressFromPublicUrl(options.publicUrl);
  app.route<{ Querystring: { id?: string | string[] } }>({
    method: ['GET', 'HEAD'],
    url: '/',
    handler: async (request, reply) => {
      reply.headers({ ...SECURITY_HEADERS, vary: 'accept', 'cache-control': CACHE_CONTROL });
      const relay = fixed ?? addressFromRequest(request.protocol, request.host);
      if (relay === undefined)
        return new Refused('invalid_host', 'the Host header names no host; ask for this page by its name');

      const asked = [request.query.id ?? ''].flat().join(' ');
      const id = isValidId(asked) ? asked : undefined;
      const rejectedId = id === undefined && asked !== '' ? asked : undefined;
      const page = { relay, id, offer: await options.offer(), entry: options.entryTerms() };
      const isForBrowser = acceptsHtml(request);
      if (rejectedId !== undefined)
        return new Refused(
          'invalid_id',
          lowerFirst(ID_HINT),
          isForBrowser ? { page: renderPage({ ...page, rejectedId }) } : {},
        );
      return isForBrowser
        ? reply.type('text/html; charset=utf-8').send(renderPage(page))
        : reply.type('text/plain; charset=utf-8').send(renderPlainText(page));
    },
  });
}

/** Browsers name text/html; curl and wget take anything, and people read text better there. */
function acceptsHtml(request: FastifyRequest): boolean {
  return /\btext\/html\b|\bapplication\/xhtml\+xml\b/i.test(request.headers.accept ?? '');
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
