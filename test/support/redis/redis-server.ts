// A Redis for tests: in a container where an engine answers and has the image, else Debian's redis-server; it says which.
import { findRedisImage, startRedisContainer } from './redis-container.ts';
import { startRedisProcess } from './redis-process.ts';

export interface RedisServer extends AsyncDisposable {
  readonly kind: 'container' | 'process';
  /** `redis://HOST:PORT`; the port stays the same through restarts. */
  readonly url: string;
  readonly port: number;
  /** Sends one command, as somebody else than a relay. */
  call(command: string, ...words: readonly string[]): Promise<unknown>;
  /** As by `kill -9`. May be called twice. */
  kill(): Promise<void>;
  /** Starts it again, after `kill` or instead of it; with `keep`, with what it held (after `kill`: at its last SAVE), else empty. */
  restart(options: { readonly keep: boolean }): Promise<void>;
  /** Takes connections and answers nothing, until `resume`. */
  pause(): Promise<void>;
  resume(): Promise<void>;
}

let image: Promise<string | undefined> | undefined;

/** Starts an empty server that keeps nothing on disk; `args` are more arguments of redis-server. */
export async function startRedis(args: readonly string[] = []): Promise<RedisServer> {
  const isFirst = image === undefined;
  image ??= findRedisImage();
  const found = await image;
  if (isFirst)
    console.log(`redis for tests: ${found === undefined ? 'local redis-server' : `container ${found}`}`);
  return found === undefined ? startRedisProcess({ args: () => args }) : startRedisContainer(found, args);
}
