// A write that had to wait for the client's window, and is not to be sent twice.
import type { ServerChannel } from 'ssh2';
import type { ChannelFields } from './fields.ts';

/**
 * A write that had to wait for window stays in `_chunk` after it was sent, and the next window adjustment while
 * stderr waits sends it again. To be called when a write was taken, with no other write of the channel under way.
 * Upstream: lib/server.js, CHANNEL_WINDOW_ADJUST would have to clear what it is about to write.
 */
export function forgetSentChunk(channel: ServerChannel): void {
  const fields = channel as unknown as ChannelFields;
  fields._chunk = undefined;
  fields._chunkcb = undefined;
  fields._chunkErr = undefined;
  fields._chunkcbErr = undefined;
}
