// The agent as a file: downloaded from the relay, and held against its SHA-256.
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { wordsOfFetchFault } from './fetch-fault.ts';

/** In milliseconds: one attempt at the agent, 24 MB for Linux and up to 149 for others. */
export const AGENT_FETCH_TIMEOUT_MS = 180_000;

/** In milliseconds: one attempt at the list of digests. */
export const DIGESTS_FETCH_TIMEOUT_MS = 15_000;

/** A relay that is rolled out anew is back after seconds. */
export const AGENT_FETCH_ATTEMPTS = 4;

/** In milliseconds: before the second attempt; it doubles with each. */
export const AGENT_RETRY_AFTER_MS = 1_000;

/** In bytes: far more than any agent has, unpacked. */
export const MAX_AGENT_BYTES = 512 * 1_024 * 1_024;

export interface AgentFile {
  readonly path: string;
  readonly sha256: string;
}

export type FetchedAgent =
  | { readonly kind: 'agent'; readonly agent: AgentFile }
  /** In words for a person, with the way out where there is one. */
  | { readonly kind: 'failed'; readonly fault: string };

export interface AgentSource {
  /** `https://HOST`. */
  readonly relay: string;
  /** In lower case; none: those that the relay names. */
  readonly digests: readonly string[];
  /** Where the folder of the agent is made; undefined: the system's. */
  readonly temporaryFolder: string | undefined;
}

const SYSTEMS: Readonly<Record<string, string>> = { linux: 'linux', darwin: 'darwin', win32: 'windows' };

/** The name of the download for a system of Node's, such as `agent-linux-x64`. Not each exists. */
export function agentDownloadName(platform: string, arch: string): string {
  // Windows on ARM runs the programs of the other.
  const processor = platform === 'win32' ? 'x64' : arch;
  return `agent-${SYSTEMS[platform] ?? platform}-${processor}${platform === 'win32' ? '.exe' : ''}`;
}

/** Gets the agent into a folder of its own that only this user can look into. Never rejects. */
export async function fetchAgent(source: AgentSource): Promise<FetchedAgent> {
  const { relay, temporaryFolder } = source;
  let folder: string | undefined;
  try {
    folder = await mkdtemp(join(temporaryFolder || tmpdir(), 'converge-'));
    return { kind: 'agent', agent: await fetchInto(folder, source) };
  } catch (error) {
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
    return { kind: 'failed', fault: faultOf(relay, error) };
  }
}

/** @throws AnswerError if it is not the one that may run, or whatever fails */
async function fetchInto(folder: string, { relay, digests: pins }: AgentSource): Promise<AgentFile> {
  const name = agentDownloadName(process.platform, process.arch);
  const path = join(folder, name.endsWith('.exe') ? 'agent.exe' : 'agent');
  const digests = pins.length > 0 ? pins : await fetchDigests(relay, name);
  const sha256 = await attempt(`${relay}/docs/${name}`, AGENT_FETCH_TIMEOUT_MS, (response) =>
    write(response, path),
  );
  if (!digests.includes(sha256)) {
    throw new AnswerError(
      pins.length > 0
        ? `the relay has another agent than the one in sha256: it has ${sha256} for ${name}; if its operator upgraded it, take that`
        : `the agent that came is not the one that ${relay}/docs/SHA256SUMS names; try again`,
    );
  }
  await chmod(path, 0o700);
  return { path, sha256 };
}

/** Whether the file is still what was downloaded: a job has run beside it. */
export async function isIntact({ path, sha256 }: AgentFile): Promise<boolean> {
  try {
    const hash = createHash('sha256');
    await pipeline(createReadStream(path), hash);
    return hash.digest('hex') === sha256;
  } catch {
    return false;
  }
}

function faultOf(relay: string, error: unknown): string {
  if (error instanceof AnswerError) return error.message;
  return isOfDisk(error)
    ? `the agent cannot be written here (${error.message})`
    : `the agent cannot be had from ${relay}: ${wordsOfFetchFault(error)}`;
}

/** fetch hides the fault of a connection in the cause of its own. */
function isOfDisk(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error;
}

/** An answer that is none to hope for: asking again brings the same. */
class AnswerError extends Error {
  override readonly name = 'AnswerError';
}

async function fetchDigests(relay: string, name: string): Promise<readonly string[]> {
  const url = `${relay}/docs/SHA256SUMS`;
  const text = await attempt(url, DIGESTS_FETCH_TIMEOUT_MS, (response) => response.text());
  const digests = text.split('\n').flatMap((line) => {
    const [, digest, file] = /^([0-9a-f]{64}) [ *](\S+)$/.exec(line.trimEnd()) ?? [];
    return digest !== undefined && file === name ? [digest] : [];
  });
  if (digests.length > 0) return digests;
  throw new AnswerError(
    `the relay has no ${name}: ${url} does not name it; ask whoever runs it to build that platform`,
  );
}

/** One answer, whole; a relay that is busy or being replaced is asked again. @throws the last fault */
async function attempt<Value>(
  url: string,
  timeoutMs: number,
  read: (response: Response) => Promise<Value>,
): Promise<Value> {
  for (let number = 1; ; number += 1) {
    try {
      const response = await fetch(url, { signal: AbortSignal.timeout(timeoutMs) });
      if (response.ok) return await read(response);
      await response.body?.cancel();
      const { status } = response;
      if (status < 500 && status !== 429)
        throw new AnswerError(`${url} answers ${status}; is that a relay, and does it have that program?`);
      throw new Error(`it answers ${status}`);
    } catch (error) {
      if (number >= AGENT_FETCH_ATTEMPTS || error instanceof AnswerError || isOfDisk(error)) throw error;
      const wait = AGENT_RETRY_AFTER_MS * 2 ** (number - 1);
      await sleep(wait * (0.5 + Math.random() / 2));
    }
  }
}

/** Streams the body into a file. Resolves with its SHA-256. */
async function write(response: Response, path: string): Promise<string> {
  if (response.body === null) throw new Error('the answer is empty');
  const hash = createHash('sha256');
  let bytes = 0;
  const count = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      hash.update(chunk);
      if (bytes > MAX_AGENT_BYTES) done(new AnswerError('what the relay sends is far too long for an agent'));
      else done(null, chunk);
    },
  });
  const body = Readable.fromWeb(response.body);
  await pipeline(body, count, createWriteStream(path, { mode: 0o600 }));
  return hash.digest('hex');
}
