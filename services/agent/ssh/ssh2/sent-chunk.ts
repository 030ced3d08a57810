// A write that had to wait for window, and was sent.
//
// Upstream: the handler of CHANNEL_WINDOW_ADJUST in lib/server.js must forget `_chunk` before it writes it.
import type { ServerChannel } from 'ssh2';
import { fieldsOfChannel } from './fields.ts';

/**
 * A write that had to wait for window stays in `_chunk` after it was sent, and the next window adjustment while
 * stderr waits sends it again (lib/server.js, CHANNEL_WINDOW_ADJUST). To be called when a write was taken, with no other
 * write of the channel under way.
 */
export function forgetSentChunk(channel: ServerChannel): void {
  const fields = fieldsOfChannel(channel);
  fields._chunk = undefined;
  fields._chunkcb = undefined;
  fields._chunkErr = undefined;
  fields._chunkcbErr = undefined;
}
