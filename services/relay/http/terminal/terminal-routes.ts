// The terminal: `/terminal/ID`, a page that is an SSH client, and what it is made of.
import type { FastifyInstance, FastifyReply } from 'fastify';
import { isValidId, TERMINAL_ASSETS, terminalPath } from '#shared/protocol/paths.ts';
import { MAX_SHOWN_PATH_CHARACTERS, Refused } from '../door/refusal.ts';
import { refusedId } from '../door/usual-refusals.ts';
import { acceptableCodings } from '../download/content-coding.ts';
import { registerTerminalDoor, type TerminalDoorOptions } from './terminal-door.ts';
import { readAsset, readPage } from './terminal-folder.ts';
import { ASSET_HEADERS, TERMINAL_PAGE_HEADERS } from './terminal-headers.ts';

export interface TerminalOptions extends TerminalDoorOptions {
  /** True: the operator wants no such page (TERMINAL=off). */
  readonly isSwitchedOff: boolean;
  /** The folder `terminal` that `npm run build` fills. */
  readonly terminalDirectory: string;
}

interface Params {
  readonly id: string;
}

/**
 * Adds `GET` and `HEAD` of `/terminal/ID` (the same page for every ID, and for `/terminal/`, which asks for one), of its
 * assets, and `POST /terminal/ID/door`, which pages that lie elsewhere ask too.
 */
export function registerTerminal(app: FastifyInstance, options: TerminalOptions): void {
  const { isSwitchedOff, terminalDirectory } = options;
  registerTerminalDoor(app, options);
  if (isSwitchedOff) {
    const off = (): Refused => new Refused('not_found', SWITCHED_OFF);
    app.all(terminalPath('*'), off);
    return;
  }

  app.route<{ Params: Params }>({
    method: ['GET', 'HEAD'],
    url: terminalPath(':id'),
    handler: async (request, reply) => {
      const { id } = request.params;
      if (id !== '' && !isValidId(id)) return refusedId(id);
      return await sendPage(reply);
    },
  });

  app.route<{ Params: { name: string } }>({
    method: ['GET', 'HEAD'],
    url: `${TERMINAL_ASSETS}:name`,
    handler: async (request, reply) => {
      const codings = acceptableCodings(request.headers['accept-encoding']);
      const asset = await readAsset(terminalDirectory, request.params.name, codings);
      if (asset === undefined) {
        const path = request.url.slice(0, MAX_SHOWN_PATH_CHARACTERS);
        // A page of another build asks: a balancer has sent its parts to a pod of another version.
        const message = 'no such part of the terminal page here: load the page again';
        return new Refused('not_found', message, {
          fields: { path },
          headers: { 'cache-control': 'no-store' },
        });
      }
      if (asset.coding !== 'identity') reply.header('content-encoding', asset.coding);
      return reply.headers(ASSET_HEADERS).type(asset.type).send(asset.content);
    },
  });

  async function sendPage(reply: FastifyReply): Promise<FastifyReply | Refused> {
    const page = await readPage(terminalDirectory);
    if (page === undefined)
      return new Refused('not_found', 'the terminal page is not built here; run npm run build');
    return reply.headers(TERMINAL_PAGE_HEADERS).type('text/html; charset=utf-8').send(page);
  }
}

const SWITCHED_OFF =
  'this relay has no terminal in the browser (TERMINAL=off): use wsproxy, as the log of the job says';
