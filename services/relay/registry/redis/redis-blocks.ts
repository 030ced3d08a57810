// The blocks of a relay of many pods: one hash in Redis, whose version every pod asks for twice a second.
import { randomBytes } from 'node:crypto';
import type { Cancel, Clock } from '#shared/time/clock.ts';
import { BlockIndex } from '../block-index.ts';
import {
  type AddOutcome,
  type Block,
  type BlockSubject,
  type Blocks,
  MAX_BLOCK_MS,
  MAX_BLOCKS,
  POLL_BLOCKS_EVERY_MS,
} from '../blocks.ts';
import { blocksInForce } from '../memory-blocks.ts';
import type { EntryFault, RegistryRecorder } from '../registry-recorder.ts';
import { ANY_VALUE, type BlockEntry, entryOf, fieldOf, readBlock } from './redis-block-entry.ts';
import type { RedisCalls } from './redis-calls.ts';
import type { EntrySigner } from './redis-entry.ts';
import { RedisKeys } from './redis-keys.ts';

/** Of blocks that have ended, or that no relay wrote, so many are cleared away with one write; in fields. */
const MAX_CLEARED_FIELDS = 100;

/** Blocks per write, where many are written back; in blocks. */
const WRITE_BATCH = 500;

/** How long the hash lives after it was last written, in milliseconds: a little longer than any block in it. */
const BLOCKS_TTL_MS = MAX_BLOCK_MS + 3_600_000;

export interface RedisBlocksOptions extends EntrySigner {
  readonly calls: Pick<RedisCalls, 'run'>;
  readonly clock: Clock;
  readonly log: { warn(fields: Record<string, unknown>, message: string): void };
  readonly recorder: Pick<RegistryRecorder, 'registryEntryDistrusted'>;
  /** For tests that share a server. */
  readonly keyPrefix?: string;
}

/** `BORN.COUNT`: which hash this is, and how often it was written. */
interface Version {
  readonly born: string;
  readonly count: number;
}

type ReadReply = readonly [version: string, fault: EntryFault | '', ...entries: readonly string[]];
type WriteReply = readonly ['written', version: string] | readonly ['full'];

export class RedisBlocks implements Blocks {
  readonly #options: RedisBlocksOptions;
  readonly #key: string;
  #index = new BlockIndex([]);
  /** What the index was made of; undefined before the first look. */
  #version: Version | undefined;
  /** What is of no use in the hash, as of the last look. */
  #useless: readonly BlockEntry[] = [];

  constructor(options: RedisBlocksOptions) {
    this.#options = options;
    this.#key = new RedisKeys(options.keyPrefix).blocks();
  }

  start(): Cancel {
    const over = new AbortController();
    let cancel: Cancel = () => undefined;
    const look = (): void => {
      void this.#refresh().finally(() => {
        if (!over.signal.aborted) cancel = this.#options.clock.after(POLL_BLOCKS_EVERY_MS, look);
      });
    };
    look();
    return () => {
      over.abort();
      cancel();
    };
  }

  find(who: BlockSubject): Block | undefined {
    return this.#index.find(who, this.#options.clock.wallTime());
  }

  list(): readonly Block[] {
    return blocksInForce(this.#index.blocks, this.#options.clock.wallTime());
  }

  async add(block: Block): Promise<AddOutcome> {
    // What other pods have blocked in this moment must not be taken for lost.
    await this.#look();
    const before = this.#version;
    const written = await this.#write([entryOf(block, this.#options)], 'replace');
    if (written === undefined) return { kind: 'full' };
    this.#know(knownAfter(before, written), [...this.#others(block.target), block]);
    return { kind: 'added' };
  }

  async remove(target: string): Promise<boolean> {
    await this.#look();
    const others = this.#others(target);
    if (others.length === this.list().length) return false;
    const before = this.#version;
    const written = await this.#write([], 'replace', [{ field: fieldOf(target), value: ANY_VALUE }]);
    if (written !== undefined) this.#know(knownAfter(before, written), others);
    return true;
  }

  /** Looks whether the list has changed. Never rejects: while Redis is away, what is known stays in force. */
  async #refresh(): Promise<void> {
    try {
      const text = await this.#options.calls.run('blocks_version', { key: this.#key, args: [] });
      if (!isSame(versionFrom(text), this.#version)) await this.#look();
    } catch {
      // The calls count and log it.
    }
  }

  /** Reads the list, and gives a hash that has forgotten blocks those that this pod knows. */
  async #look(): Promise<void> {
    const { calls } = this.#options;
    const reply = (await calls.run('blocks_read', { key: this.#key, args: [] })) as ReadReply;
    const [text, fault, ...words] = reply;
    const version = versionFrom(text);
    if (fault !== '') this.#report(fault);
    const { blocks, useless } = this.#sort(words);
    this.#useless = useless;
    const known = this.list();
    if (known.length === 0 || !hasForgotten(version, this.#version)) return this.#know(version, blocks);
    const remembered = new Set(blocks.map(({ target }) => target));
    const missing = known.filter(({ target }) => !remembered.has(target));
    // In force before they are written back: Redis may go away again.
    this.#index = new BlockIndex([...blocks, ...missing]);
    await this.#restore(version, blocks, missing);
  }

  async #restore(
    version: Version | undefined,
    blocks: readonly Block[],
    missing: readonly Block[],
  ): Promise<void> {
    if (missing.length === 0) return this.#know(version, blocks);
    let known = version;
    for (let at = 0; at < missing.length; at += WRITE_BATCH) {
      const batch = missing.slice(at, at + WRITE_BATCH).map((block) => entryOf(block, this.#options));
      // Another pod may have written one of them back, or a newer block of that target.
      const written = await this.#write(batch, 'keep');
      known = written === undefined ? known : knownAfter(known, written);
    }
    this.#options.log.warn({ blocks: missing.length }, 'blocks written back: the registry had lost them');
    this.#know(known, [...blocks, ...missing]);
  }

  /** Undefined: there is no room. */
  async #write(
    entries: readonly BlockEntry[],
    mode: 'replace' | 'keep',
    drop: readonly BlockEntry[] = [],
  ): Promise<Version | undefined> {
    const cleared = [...drop, ...this.#useless.slice(0, MAX_CLEARED_FIELDS)];
    const born = randomBytes(9).toString('base64url');
    const words = [...cleared, ...entries].flatMap(({ field, value }) => [field, value]);
    const args = [born, String(BLOCKS_TTL_MS), mode, String(cleared.length), ...words];
    const reply = (await this.#options.calls.run('blocks_write', { key: this.#key, args })) as WriteReply;
    return reply[0] === 'full' ? undefined : versionFrom(reply[1]);
  }

  #know(version: Version | undefined, blocks: readonly Block[]): void {
    this.#version = version;
    this.#index = new BlockIndex(blocks);
  }

  #others(target: string): readonly Block[] {
    return this.list().filter((block) => block.target !== target);
  }

  #sort(words: readonly string[]): {
    readonly blocks: readonly Block[];
    readonly useless: readonly BlockEntry[];
  } {
    const now = this.#options.clock.wallTime();
    const blocks: Block[] = [];
    const useless: BlockEntry[] = [];
    for (let at = 0; at + 1 < words.length; at += 2) {
      const entry = { field: words[at] ?? '', value: words[at + 1] ?? '' };
      const read = readBlock(entry, this.#options);
      if (read.kind === 'trusted' && read.block.until > now) {
        blocks.push(read.block);
        continue;
      }
      useless.push(entry);
      if (read.kind === 'distrusted') this.#report(read.fault);
    }
    return { blocks: blocks.slice(0, MAX_BLOCKS), useless };
  }

  #report(fault: EntryFault): void {
    this.#options.recorder.registryEntryDistrusted(fault);
  }
}

/** Undefined: nobody has written the hash, or not a relay. */
function versionFrom(text: unknown): Version | undefined {
  const [, born, count] = /^([\w-]{1,32})\.(\d{1,15})$/.exec(typeof text === 'string' ? text : '') ?? [];
  return born === undefined ? undefined : { born, count: Number(count) };
}

function isSame(one: Version | undefined, other: Version | undefined): boolean {
  return one?.born === other?.born && one?.count === other?.count;
}

/** If somebody else wrote between the look and the write, the next look must find another version. */
function knownAfter(before: Version | undefined, written: Version): Version {
  const isNext = written.count === (before?.born === written.born ? before.count : 0) + 1;
  return isNext ? written : { born: written.born, count: 0 };
}

/** Another hash than the one that is known, or an older state of it. */
function hasForgotten(found: Version | undefined, known: Version | undefined): boolean {
  if (known === undefined) return false;
  return found === undefined || found.born !== known.born || found.count < known.count;
}
