// The loan: the socket of a frame stream in the hands of somebody who moves its frames outside of JavaScript.
//
// lend -> joinStreams attaches, closes, cuts -> restore (both legs), then goOn (both legs). While it is lent a stream neither reads nor
// writes; a close waits for the socket to come back, a cut does not.
import { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';

/** Who has the socket, as its stream sees it. The figures count from the start of the loan. */
export interface Borrower {
  readonly bytesRead: number;
  /** Bytes that its peer has not taken. */
  readonly heldBytes: number;
  /** Pings its peer, unless that takes nothing. */
  ping(): void;
  /** As `Pace.watch`, until the socket is given back. */
  watch(): () => boolean;
  /** Asks for the socket back, which comes soon. May be called twice. */
  recall(): void;
}

/** How far a borrower has come. */
export interface LoanRest {
  /** What is left of the payload of the frame that is coming in, in bytes. */
  readonly left: number;
  /** What was read behind that, and not moved: it begins with a frame. */
  readonly unread: Buffer;
  /** What is to be sent first, to its last byte: it ends with a frame. */
  readonly unsent: Buffer;
  /** What the socket said at last, such as ECONNRESET. */
  readonly fault?: string | undefined;
}

/** What is lent: a descriptor that stays the stream's. */
export interface Loan {
  readonly descriptor: number;
  /** The end that dialled masks what it sends. */
  readonly isClient: boolean;
  /** What was read already. */
  readonly head: Buffer;
  /** Names the borrower; to be called at once. */
  to(borrower: Borrower): void;
  /** Takes the socket back. Of two legs that are joined both, before either goes on. */
  restore(rest: LoanRest): void;
  /** Lets flow what was restored. */
  goOn(): void;
}

/** The socket of libuv inside a socket of Node, as far as it is used here: Node documents none of it. */
interface Handle {
  readonly fd: number;
  readonly writeQueueSize: number;
  reading: boolean;
  readStop(): void;
  readStart(): void;
}

function handleOf(socket: Socket): Handle | undefined {
  return (socket as unknown as { readonly _handle?: Handle | null })._handle ?? undefined;
}

/** The descriptor of a plain socket that has nothing to send any more. Undefined: it cannot be lent. */
export function descriptorToLend(socket: Socket): number | undefined {
  if (!(socket instanceof Socket) || socket instanceof TLSSocket || socket.destroyed) return undefined;
  if (socket.readableEnded || socket.writableEnded) return undefined;
  const handle = handleOf(socket);
  // What is corked has not come to the handle.
  if (socket.writableLength > 0) return undefined;
  return handle !== undefined && handle.fd >= 0 && handle.writeQueueSize === 0 ? handle.fd : undefined;
}

/** A paused socket reads on until its buffer is full. This ends it, and hands what it has got to its listeners of `data`. */
export function stopReading(socket: Socket): void {
  if (socket.readableLength > 0) socket.read();
  // A stream that has a read under way asks for no other one. Without this, one whose buffer was full, or whose next
  // tick is still to come, would start the handle again.
  socket.read(0);
  const handle = handleOf(socket);
  if (handle?.reading !== true) return;
  handle.reading = false;
  handle.readStop();
}

/** Undoes `stopReading`, for a socket that is to flow. */
export function startReading(socket: Socket): void {
  const handle = handleOf(socket);
  if (handle === undefined || handle.reading) return;
  handle.reading = true;
  handle.readStart();
}
