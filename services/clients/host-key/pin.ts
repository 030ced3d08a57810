// The pin: a byte stream that ends where its host turns out to be another one than the pinned.
import { type Fingerprint, formatFingerprint } from '#shared/ssh/fingerprint-text.ts';
import type { ByteSink, ByteStream, StreamEnd } from '#shared/stream/byte-stream.ts';
import { HostKeyInspector, type HostKeyVerdict } from './inspector.ts';

/** A stream whose host is checked; `verdict` may be asked at any time, and is final once the stream has ended. */
export interface PinnedStream extends ByteStream {
  readonly verdict: HostKeyVerdict;
}

/**
 * Wraps `inner`, whose peer is an SSH server. What the peer sends is passed on as `HostKeyInspector` allows; when it
 * refuses, `inner` is cut. After a match the bytes of the peer are handed on as they are.
 */
export function pinHostKey(inner: ByteStream, pinned: Fingerprint): PinnedStream {
  const inspector = new HostKeyInspector(pinned);
  return {
    get verdict() {
      return inspector.verdict;
    },
    attach(sink) {
      inner.attach(new InspectedSink(inner, sink, inspector));
    },
    write: (chunk) => inner.write(chunk),
    pause() {
      inner.pause();
    },
    resume() {
      inner.resume();
    },
    close(end) {
      inner.close(end);
    },
    cut(end) {
      inner.cut(end);
    },
  };
}

/** Why the host was refused, for a person; undefined if it was not. */
export function refusalOf(verdict: HostKeyVerdict, pinned: Fingerprint): string | undefined {
  switch (verdict.kind) {
    case 'undecided':
    case 'match':
      return undefined;
    case 'mismatch':
      return `host key mismatch: the host has ${formatFingerprint(verdict.presented)}, the URL expects ${formatFingerprint(pinned)}; the connection was cut`;
    case 'unverifiable':
      return `the host key cannot be checked: ${verdict.detail}; the connection was cut`;
  }
}

class InspectedSink implements ByteSink {
  readonly #inner: ByteStream;
  readonly #sink: ByteSink;
  readonly #inspector: HostKeyInspector;

  constructor(inner: ByteStream, sink: ByteSink, inspector: HostKeyInspector) {
    this.#inner = inner;
    this.#sink = sink;
    this.#inspector = inspector;
  }

  data(chunk: Buffer): void {
    const passed = this.#inspector.inspect(chunk);
    if (passed.length > 0) this.#sink.data(passed);
    switch (this.#inspector.verdict.kind) {
      case 'undecided':
      case 'match':
        return;
      case 'mismatch':
      case 'unverifiable':
        this.#inner.cut({ reason: 'ended', detail: 'the host key does not match' });
    }
  }

  drained(): void {
    this.#sink.drained();
  }

  ended(end: StreamEnd): void {
    this.#sink.ended(end);
  }
}
