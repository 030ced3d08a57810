// A sink that keeps what it is given.
import type { ByteSink, StreamEnd } from '#shared/stream/byte-stream.ts';

export class RecordingSink implements ByteSink {
  readonly chunks: Buffer[] = [];
  readonly ends: StreamEnd[] = [];
  drains = 0;
  readonly #ended = Promise.withResolvers<StreamEnd>();

  /** Resolves with the first end. */
  get end(): Promise<StreamEnd> {
    return this.#ended.promise;
  }

  get bytes(): number {
    return this.chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  }

  get text(): string {
    return Buffer.concat(this.chunks).toString();
  }

  data(chunk: Buffer): void {
    this.chunks.push(chunk);
  }

  drained(): void {
    this.drains += 1;
  }

  ended(end: StreamEnd): void {
    this.ends.push(end);
    this.#ended.resolve(end);
  }
}
