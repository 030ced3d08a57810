// Frames of the resumable stream, through the relay to the agent.
import { randomBytes } from 'node:crypto';
import { clientPath } from '#shared/protocol/paths.ts';
import { RESUME, STREAM } from '#shared/protocol/subprotocols.ts';
import {
  encodeAck,
  encodeData,
  encodeFin,
  encodeOpen,
  encodeOpened,
  encodeRefused,
  encodeReset,
  OLDEST_VERSION,
  RESUME_VERSION,
  STREAM_ID_BYTES,
} from '#shared/resume/frames.ts';
import { maskFrame, OPCODES } from '#shared/websocket/frame-header.ts';
import type { Kind } from '../kind.ts';
import { mutated } from '../mutation.ts';
import { asStranger, leave, upgrade } from '../wire.ts';
import { AGENT_ID } from '../world.ts';

const BANNER = Buffer.from('SSH-2.0-OpenSSH_9.2\r\n');

/** Whole conversations of a client, and frames that only an agent sends. */
export function conversations(): readonly Buffer[] {
  const open = (mode: 'new' | 'resume', version = RESUME_VERSION): Buffer =>
    encodeOpen({ version, streamId: randomBytes(STREAM_ID_BYTES), mode, received: 0 });
  const fresh = open('new');
  return [
    [fresh, encodeData(0, BANNER)],
    [fresh, encodeData(0, BANNER), encodeAck(0), encodeFin(BANNER.length)],
    [fresh, fresh, encodeReset('aborted')],
    [open('new', OLDEST_VERSION), encodeData(0, Buffer.alloc(2000, 0x55)), encodeReset('aborted')],
    [open('resume')],
    [open('new'), encodeFin(0)],
    [open('new'), encodeOpened({ received: 0, resumeWindowMs: 1_000 }), encodeRefused('bad_version')],
  ].map((frames) => Buffer.concat(frames));
}

export const resumeFrames: Kind = {
  name: 'resume-frames',
  share: 20_000,
  atATime: 8,
  open({ port }) {
    return Promise.resolve({
      async play(cases) {
        const headers = { 'Sec-WebSocket-Protocol': `${RESUME}, ${STREAM}`, ...asStranger() };
        const socket = await upgrade(port, clientPath(AGENT_ID), headers);
        const bytes = socket && cases.next((chance) => mutated(conversations(), chance));
        if (socket === undefined || bytes === undefined) return;
        socket.write(maskFrame(OPCODES.binary, bytes));
        // Else the agent would wait for it to come back.
        socket.write(maskFrame(OPCODES.binary, encodeReset('aborted')));
        socket.write(maskFrame(OPCODES.close, Buffer.alloc(0)));
        await leave(socket);
      },
      [Symbol.asyncDispose]: () => Promise.resolve(),
    });
  },
};
