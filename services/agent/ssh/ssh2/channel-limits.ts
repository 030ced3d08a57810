// The rules of channels that a client may break: numbers, windows, packet sizes. RFC 4254 section 5.
import type { Connection } from 'ssh2';
import { WireReader } from '#shared/ssh/strings.ts';
import { channelOf, fieldsOf } from './fields.ts';
import { type Interceptor, type Interceptors, MESSAGE } from './inbound.ts';
import { OPEN_FAILURE } from './open-failure.ts';
import { disconnect } from './outbound.ts';
import { CLIENT_WINDOW_BYTES } from './window-adjust.ts';

const MAX_WINDOW_BYTES = 2 ** 32 - 1;
/** By how much a client may overrun a window, as in sshd: a tenth of it. */
const MAX_OVERRUN_BYTES = CLIENT_WINDOW_BYTES / 10;
/** The type, the number of the channel and the length of the data. */
const DATA_HEAD_BYTES = 1 + 4 + 4;

/** What a message is called that names a channel; DATA and REQUEST have rules of their own, WINDOW_ADJUST may come late. */
const NAMES: ReadonlyMap<number, string> = new Map([
  [91, 'open confirmation'],
  [92, 'open failure'],
  [95, 'extended data'],
  [96, 'ieof'],
  [97, 'oclose'],
  [99, 'success'],
  [100, 'failure'],
]);

/**
 * Ends the connection, as sshd does, over a channel that does not exist, a window beyond 2^32-1 bytes, or data beyond the
 * window; ignores data after EOF, as it does too; refuses channels whose packets may carry nothing, which ssh2 would try to
 * fill for ever.
 * Upstream: lib/server.js would have to check the numbers, sums and sizes that it takes from the client.
 */
export function enforceChannelRules(connection: Connection, interceptors: Interceptors): void {
  const { _protocol: protocol } = fieldsOf(connection);

  for (const [type, name] of NAMES) {
    interceptors[type] = (payload, next) => {
      const id = new WireReader(payload.subarray(1)).uint32();
      if (id === undefined || isKnown(id)) return next(payload);
      return disconnect(connection, `${name} packet referred to nonexistent channel ${id}`);
    };
  }
  interceptors[MESSAGE.CHANNEL_WINDOW_ADJUST] = after(MESSAGE.CHANNEL_WINDOW_ADJUST, (payload, next) => {
    const reader = new WireReader(payload.subarray(1));
    const id = reader.uint32() ?? 0;
    const adjust = reader.uint32() ?? 0;
    const window = channelOf(connection, id)?.channel?.outgoing.window ?? 0;
    if (window + adjust <= MAX_WINDOW_BYTES) return next(payload);
    return disconnect(connection, `channel ${id}: adjust ${adjust} overflows remote window ${window}`);
  });
  interceptors[MESSAGE.CHANNEL_OPEN] = (payload, next) => {
    const reader = new WireReader(payload.subarray(1));
    reader.string(); // the kind of channel
    const sender = reader.uint32();
    reader.uint32(); // its window
    if (reader.uint32() !== 0 || sender === undefined) return next(payload);
    protocol.channelOpenFail(sender, OPEN_FAILURE.RESOURCE_SHORTAGE, 'packets of 0 bytes carry nothing');
    return undefined;
  };
  interceptors[MESSAGE.CHANNEL_OPEN_CONFIRMATION] = after(
    MESSAGE.CHANNEL_OPEN_CONFIRMATION,
    (payload, next) => {
      const reader = new WireReader(payload.subarray(1 + 3 * 4));
      if (reader.uint32() !== 0) return next(payload);
      return disconnect(connection, 'packets of 0 bytes carry nothing');
    },
  );

  interceptors[MESSAGE.CHANNEL_DATA] = (payload, next) => {
    // Most messages are these, so there is no reader made for them.
    if (payload.length < DATA_HEAD_BYTES) return next(payload);
    const id = payload.readUInt32BE(1);
    const incoming = channelOf(connection, id)?.channel?.incoming;
    if (incoming === undefined && !isKnown(id)) {
      return disconnect(connection, `data packet referred to nonexistent channel ${id}`);
    }
    // After its own EOF: ssh2 would close the channel, and what is still to be sent would be lost.
    if (incoming?.state === 'eof') return undefined;
    if (incoming !== undefined && isOverrun(incoming.window, payload.length - DATA_HEAD_BYTES)) {
      return disconnect(connection, `channel ${id}: peer ignored channel window`);
    }
    return next(payload);
  };

  function isKnown(id: number): boolean {
    return Object.hasOwn(fieldsOf(connection)._chanMgr._channels, id);
  }

  /** Puts a rule behind the one that is there. */
  function after(type: number, rule: Interceptor): Interceptor {
    const first = interceptors[type];
    return first === undefined ? rule : (payload, next) => first(payload, (known) => rule(known, next));
  }
}

/** ssh2 throws away what comes when a window is used up to the byte. */
function isOverrun(window: number, bytes: number): boolean {
  return bytes > 0 && (window === 0 || bytes - window > MAX_OVERRUN_BYTES);
}
