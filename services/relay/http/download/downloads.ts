// Downloads: `/docs/…`, the programs that this relay's build left in its folder.
import { createHash } from 'node:crypto';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { downloadPath } from '#shared/protocol/paths.ts';
import { MAX_SHOWN_PATH_CHARACTERS, Refused } from '../door/refusal.ts';
import {
  type Binary,
  type BinaryLookup,
  DOWNLOADED_PROGRAMS,
  findBinary,
  INSTALL_SCRIPTS,
  listBinaries,
  PLAIN_FILES,
  readList,
  SIGNATURE_FILE,
  SUMS_FILE,
} from './binary.ts';
import { parseByteRange, resolveByteRange } from './byte-range.ts';
import { acceptableCodings, type ContentCoding } from './content-coding.ts';
import { openVariant, readVariant } from './variant.ts';

// Why not @fastify/static: 10.1 knows no zstd, its ETags are weak (size and time, so If-Range cannot protect a resumed
// download, and two pods can differ), a range of a pre-compressed file is a range of the compressed bytes (which breaks
// `curl --compressed -C -`), and its errors are HTML.

export interface DownloadOptions {
  /**
   * The folder that `npm run build` fills: NAME-OS-ARCH, wsproxy.mjs, converge-terminal.html, the same with .gz and .zst, and SHA256SUMS. Where there is
   * a .gz, the plain file may be missing.
   */
  readonly directory: string;
  /** What the relay itself runs on, such as `linux-x64`. */
  readonly platform: string;
}

/**
 * A cache may keep it, but must ask again each time: after an upgrade of the relay, the same address has another file.
 */
const CACHE_CONTROL = 'public, no-cache, no-transform';

/**
 * Adds `GET` and `HEAD` of `/docs/NAME`, `/docs/NAME-OS-ARCH`, `/docs/wsproxy.mjs`, `/docs/converge-terminal.html` and `/docs/SHA256SUMS`, and of
 * its signature, `/docs/SHA256SUMS.sig`.
 *
 * Every form of a file (identity, gzip, zstd) has its own strong ETag, made from the digest in SHA256SUMS. **Ranges are
 * ranges of the uncompressed file**: what a client has on disk is that, whatever it came as, so a resume is right with
 * and without `--compressed`. A Range request is therefore answered uncompressed, and in full where the plain file is not there; if its If-Range names anything but the
 * ETag of the uncompressed file, it gets the whole file in a form that it accepts.
 */
export function registerDownloads(app: FastifyInstance, options: DownloadOptions): void {
  // HEAD has the same handler, and not fastify's own, which would read the whole file to throw it away.
  app.route<{ Params: { name: string } }>({
    method: ['GET', 'HEAD'],
    url: downloadPath(':name'),
    handler: async (request, reply) => {
      const { name } = request.params;
      if (name === SUMS_FILE || name === SIGNATURE_FILE)
        return await sendList(request, reply, options.directory, name);
      const found = findBinary(await listBinaries(options.directory), name, options.platform);
      if (found.kind === 'found') return await sendBinary(request, reply, found.binary, name);
      return notFound(explain(found), request);
    },
  });
}

function explain(missing: Exclude<BinaryLookup, { kind: 'found' }>): string {
  if (missing.kind === 'not_built') return notBuilt(missing.fileName);
  if (missing.kind === 'unknown_program')
    return `no such download; there is ${[...DOWNLOADED_PROGRAMS, ...PLAIN_FILES, ...INSTALL_SCRIPTS, SUMS_FILE].join(', ')}`;
  if (missing.kind === 'left_out') return leftOut(missing.program, missing.platform, missing.platforms);
  return `no ${missing.program} for that platform here; there is ${missing.platforms.join(', ')}`;
}

/** What to say of a platform that Converge has, and this relay has not. */
export function leftOut(program: string, platform: string, platforms: readonly string[]): string {
  return `this relay was built without ${program} for ${platform}; it has ${platforms.join(', ') || 'none'}. A build with PLATFORMS=${platform}, or all, has it`;
}

function notBuilt(fileName: string): string {
  return `${fileName} is not built here; run npm run build`;
}

async function sendList(
  request: FastifyRequest,
  reply: FastifyReply,
  directory: string,
  name: typeof SUMS_FILE | typeof SIGNATURE_FILE,
): Promise<FastifyReply | Refused> {
  const list = await readList(directory, name);
  if (list.length === 0) return notFound(name === SUMS_FILE ? notBuilt(name) : NOT_SIGNED, request);
  const etag = `"${createHash('sha256').update(list).digest('hex')}"`;
  reply.headers({ etag, 'cache-control': CACHE_CONTROL, 'x-content-type-options': 'nosniff' });
  if (isNotModified(request, etag)) return reply.code(304).send();
  return reply.type(name === SUMS_FILE ? 'text/plain; charset=utf-8' : 'application/octet-stream').send(list);
}

const NOT_SIGNED = 'what was built here is not signed; SIGNING_KEY_FILE of npm run build does that';

async function sendBinary(
  request: FastifyRequest,
  reply: FastifyReply,
  binary: Binary,
  name: string,
): Promise<FastifyReply | Refused> {
  const { headers } = request;
  // If-Range may be a date as well (RFC 9110 section 13.1.5); no date is given out here, so none can match.
  const isRangeFresh =
    headers['if-range'] === undefined || headers['if-range'] === etagOf(binary, 'identity');
  const asked = request.method === 'GET' && isRangeFresh ? parseByteRange(headers.range) : undefined;
  const codings =
    asked === undefined ? acceptableCodings(headers['accept-encoding']) : (['identity'] as const);
  const variant = await openVariant(binary.path, codings);
  if (variant === undefined) return notFound(notBuilt(binary.fileName), request);
  const hasRanges = variant.coding === 'identity' && !variant.isPacked;
  const range = hasRanges ? asked : undefined;

  let isHandedOver = false;
  try {
    const etag = etagOf(binary, variant.coding);
    reply.headers({
      etag,
      vary: 'accept-encoding',
      'cache-control': CACHE_CONTROL,
      'accept-ranges': hasRanges ? 'bytes' : 'none',
    });
    if (isNotModified(request, etag)) return await reply.code(304).send();

    const span =
      range === undefined ? { start: 0, end: variant.size - 1 } : resolveByteRange(range, variant.size);
    if (span === undefined) {
      const message = `${binary.fileName} has ${variant.size} bytes, and none in that range`;
      return new Refused('range_not_satisfiable', message, {
        fields: { path: request.url.slice(0, MAX_SHOWN_PATH_CHARACTERS) },
        headers: { 'content-range': `bytes */${variant.size}` },
      });
    }
    reply.headers({
      'content-type': 'application/octet-stream',
      'content-length': span.end - span.start + 1,
      'content-disposition': `attachment; filename="${savedName(name, binary)}"`,
      'x-content-type-options': 'nosniff',
    });
    if (variant.coding !== 'identity') reply.header('content-encoding', variant.coding);
    if (range !== undefined)
      reply.code(206).header('content-range', `bytes ${span.start}-${span.end}/${variant.size}`);
    if (request.method === 'HEAD') return await reply.send();
    const stream = readVariant(variant, span);
    isHandedOver = true;
    return await reply.send(stream);
  } finally {
    if (!isHandedOver) await variant.file.close();
  }
}

/** What `curl -OJ` and a browser save it as: the name that was asked for, on Windows as a program has to be called. */
function savedName(name: string, { fileName }: Binary): string {
  return fileName.endsWith('.exe') && !name.endsWith('.exe') ? `${name}.exe` : name;
}

function etagOf(binary: Binary, coding: ContentCoding): string {
  return coding === 'identity' ? `"${binary.sha256}"` : `"${binary.sha256}-${coding}"`;
}

/** Weak comparison, as RFC 9110 section 13.1.2 wants for If-None-Match. */
function isNotModified(request: FastifyRequest, etag: string): boolean {
  const tags = (request.headers['if-none-match'] ?? '').split(',').map((tag) => tag.trim());
  return tags.some((tag) => tag === '*' || tag === etag || tag === `W/${etag}`);
}

function notFound(message: string, { url }: FastifyRequest): Refused {
  const path = url.slice(0, MAX_SHOWN_PATH_CHARACTERS);
  return new Refused('not_found', message, { fields: { path }, headers: { 'cache-control': 'no-store' } });
}
