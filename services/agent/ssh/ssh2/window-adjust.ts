// WINDOW_ADJUST: sent early enough for a distance, and not on a channel that this side has closed.
import type { Connection } from 'ssh2';
import { type ChannelFields, channelOf, type Direction, fieldsOf } from './fields.ts';
import { type Interceptors, MESSAGE } from './inbound.ts';

/** What a client may send on a channel before it is told to go on: the window of ssh2 (lib/Channel.js), and of sshd. */
export const CLIENT_WINDOW_BYTES = 2 * 1024 * 1024;

/**
 * A client gets back what it has used of a window from here on. ssh2 waits for half of the window, so that over a distance a
 * client often had only the other half: an upload at a round trip of 60 ms reached 0.57 of sshd's. sshd waits for 96 KiB.
 */
export const ADJUST_FROM_BYTES = 128 * 1024;

/** The type and the number of the channel. */
const CHANNEL_HEAD_BYTES = 1 + 4;

/**
 * Sends no WINDOW_ADJUST after CLOSE (RFC 4254 section 5.3: whoever has sent it sends nothing more on the channel). Go's
 * x/crypto, asyncssh and sshj end the whole connection over it, as they have forgotten the channel.
 * Upstream: lib/Channel.js, windowAdjust would have to stop in state `closing` too, not only in `closed`.
 */
export function adjustOpenWindowsOnly(connection: Connection): void {
  const { _protocol: protocol, _chanMgr } = fieldsOf(connection);
  const adjust = protocol.channelWindowAdjust.bind(protocol);
  // ssh2 comes here where adjustWindowsEarly has not: of a stream that was full, so looking for the channel costs nothing.
  protocol.channelWindowAdjust = (recipient, bytes) => {
    for (const id of Object.keys(_chanMgr._channels)) {
      const outgoing = channelOf(connection, Number(id))?.channel?.outgoing;
      if (outgoing?.id !== recipient) continue;
      if (mayAdjust(outgoing)) adjust(recipient, bytes);
      return;
    }
  };
}

function mayAdjust({ state }: Direction): boolean {
  return state === 'open' || state === 'eof';
}

/**
 * Gives back what a client has used of its window once that is ADJUST_FROM_BYTES, unless the channel's stream is full: of what
 * nobody reads a channel holds two windows, as it did before.
 * Upstream: lib/Channel.js, WINDOW_THRESHOLD would have to be nearer to the whole window.
 */
export function adjustWindowsEarly(connection: Connection, interceptors: Interceptors): void {
  const { _protocol: protocol } = fieldsOf(connection);
  // That of ssh2: which channel it is for is known here, and need not be looked for among hundreds.
  const adjust = protocol.channelWindowAdjust.bind(protocol);
  const watched = new WeakSet<ChannelFields>();
  const before = interceptors[MESSAGE.CHANNEL_DATA];
  interceptors[MESSAGE.CHANNEL_DATA] = (payload, next) => {
    const verdict = before === undefined ? next(payload) : before(payload, next);
    if (payload.length < CHANNEL_HEAD_BYTES) return verdict;
    const channel = channelOf(connection, payload.readUInt32BE(1))?.channel;
    if (channel !== undefined) giveBack(channel);
    return verdict;
  };

  function giveBack(channel: ChannelFields): void {
    const { incoming, outgoing } = channel;
    const used = CLIENT_WINDOW_BYTES - incoming.window;
    // The connection may have ended over the data.
    if (used < ADJUST_FROM_BYTES || protocol._destruct === undefined || !mayAdjust(outgoing)) return;
    if (channel._waitChanDrain === true) return watch(channel);
    incoming.window += used;
    adjust(outgoing.id, used);
  }

  /** It is read again when its stream asks for more. */
  function watch(channel: ChannelFields): void {
    if (watched.has(channel)) return;
    watched.add(channel);
    const read = channel._read.bind(channel);
    channel._read = (bytes) => {
      read(bytes);
      giveBack(channel);
    };
  }
}
