// A channel as web streams: pulled when somebody reads, and pushed back when nobody does.
import type { JobChannel } from '../job/job.ts';
import type { Channel } from '../ssh/channels/channel.ts';

/** `onEnd` is called once, when the last byte was read. */
export function streamsOf(channel: Channel): JobChannel {
  return {
    readable: new ReadableStream<Uint8Array>(
      {
        async pull(controller) {
          const piece = await channel.read();
          if (piece === undefined) controller.close();
          else controller.enqueue(piece.bytes);
        },
        cancel() {
          channel.close();
        },
      },
      // Nothing is read ahead: what nobody wants stays with the host.
      { highWaterMark: 0 },
    ),
    writable: new WritableStream<Uint8Array>({
      async write(chunk) {
        await channel.write(chunk);
      },
      close() {
        channel.sendEof();
      },
      abort() {
        channel.close();
      },
    }),
    close() {
      channel.close();
    },
  };
}
