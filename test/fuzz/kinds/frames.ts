// WebSocket frames, as bytes: on control links, and on both ends of a stream.
import type { Socket } from 'node:net';
import { CLAIM_HEADER, createClaim } from '#shared/protocol/claim.ts';
import { formatMessage, parseRelayMessage } from '#shared/protocol/control-messages.ts';
import { agentPath, agentStreamPath, clientPath } from '#shared/protocol/paths.ts';
import { AGENT_CONTROL, STREAM } from '#shared/protocol/subprotocols.ts';
import { maskFrame, OPCODES } from '#shared/websocket/frame-header.ts';
import { openAgent } from '../../support/relay/fake-agent.ts';
import type { Chance } from '../chance.ts';
import { mutatedJson } from '../json-mutation.ts';
import type { Kind } from '../kind.ts';
import { mutated } from '../mutation.ts';
import { leave, upgrade } from '../wire.ts';

export const STATUS = { type: 'status', clients: 1, detached: 0, expiresAt: 1_800_000_000_000 } as const;
export const RESUMPTION = { type: 'resumption', outcome: 'resumed', afterMs: 120 } as const;

/** How many messages follow each other on a link, if it lasts. */
const MESSAGES_PER_LINK = 16;

/** The first byte of a close frame. */
const CLOSE_FRAME = 0x88;

const PAYLOAD = Buffer.from('SSH-2.0-OpenSSH_9.2\r\n');

/** Of a message in two fragments with a ping between them: the first byte of each, and FIN is taken away. */
function fragmented(opcode: number, payload: Buffer): Buffer {
  const middle = payload.length >> 1;
  const first = maskFrame(opcode, payload.subarray(0, middle));
  first.writeUInt8((first[0] ?? 0) & 0x7f, 0);
  const ping = maskFrame(OPCODES.ping, Buffer.from('ping'));
  return Buffer.concat([first, ping, maskFrame(OPCODES.continuation, payload.subarray(middle))]);
}

/** Frames that are right for either kind of link, or wrong for one of them. */
export function frameCorpus(): readonly Buffer[] {
  const texts = [STATUS, RESUMPTION].map((message) => Buffer.from(formatMessage(message)));
  const goodbye = Buffer.concat([Buffer.from([0x03, 0xe8]), Buffer.from('ended')]);
  return [
    ...texts.map((text) => maskFrame(OPCODES.text, text)),
    ...texts.map((text) => fragmented(OPCODES.text, text)),
    maskFrame(OPCODES.binary, PAYLOAD),
    maskFrame(OPCODES.binary, Buffer.alloc(300, 0x55)),
    maskFrame(OPCODES.binary, Buffer.alloc(66_000, 0x55)),
    maskFrame(OPCODES.binary, Buffer.alloc(0)),
    fragmented(OPCODES.binary, PAYLOAD),
    maskFrame(OPCODES.ping, Buffer.from('are you there')),
    maskFrame(OPCODES.ping, Buffer.alloc(125)),
    maskFrame(OPCODES.pong, Buffer.alloc(0)),
    maskFrame(OPCODES.close, goodbye),
    maskFrame(OPCODES.close, Buffer.alloc(0)),
  ];
}

let links = 0;

/** A control link of an agent that nobody calls. */
function openLink(port: number): Promise<Socket | undefined> {
  links += 1;
  const headers = { 'Sec-WebSocket-Protocol': AGENT_CONTROL, [CLAIM_HEADER]: createClaim() };
  return upgrade(port, agentPath(`fuzz-${links}`), headers);
}

export const linkFrames: Kind = {
  name: 'link-frames',
  share: 40_000,
  atATime: 32,
  open({ port }) {
    const corpus = frameCorpus();
    return Promise.resolve({
      async play(cases) {
        const bytes = cases.next((chance) => mutated(corpus, chance));
        const link = bytes === undefined ? undefined : await openLink(port);
        if (bytes === undefined || link === undefined) return;
        link.write(bytes);
        await leave(link);
      },
      [Symbol.asyncDispose]: () => Promise.resolve(),
    });
  },
};

/** Asks with a ping, and resolves when it is answered; with false if the answer is a goodbye, or the end. */
function answerOn(link: Socket, question: string): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  let heard = '';
  const hear = (chunk: Buffer): void => {
    heard += chunk.toString('latin1');
    if (heard.includes(question)) resolve(true);
    else if (chunk[0] === CLOSE_FRAME) resolve(false);
  };
  const end = (): void => resolve(false);
  link.on('data', hear);
  link.once('close', end);
  link.resume();
  link.write(maskFrame(OPCODES.ping, Buffer.from(question)));
  return promise.finally(() => link.off('data', hear).off('close', end));
}

export const agentMessages: Kind = {
  name: 'agent-messages',
  share: 25_000,
  atATime: 32,
  open({ port }) {
    const make = (chance: Chance): Buffer => mutatedJson([STATUS, RESUMPTION], chance);
    return Promise.resolve({
      async play(cases) {
        const link = await openLink(port);
        if (link === undefined) return;
        // The welcome is behind it then. What follows the relay's goodbye would go nowhere.
        let isOpen = await answerOn(link, 'hello');
        for (let left = MESSAGES_PER_LINK; left > 0 && isOpen; left -= 1) {
          const bytes = cases.next(make);
          if (bytes === undefined) break;
          link.write(maskFrame(OPCODES.text, bytes));
          // The answer tells that the message before it was read.
          isOpen = await answerOn(link, `question ${left}`);
        }
        await leave(link);
      },
      [Symbol.asyncDispose]: () => Promise.resolve(),
    });
  },
};

export const streamFrames: Kind = {
  name: 'stream-frames',
  share: 50_000,
  atATime: 16,
  async open({ port }) {
    const corpus = frameCorpus();
    const stack = new AsyncDisposableStack();
    const idle: { readonly id: string; readonly stream: () => Promise<Socket | undefined> }[] = [];
    for (let index = 0; index < this.atATime; index += 1) {
      links += 1;
      const id = `fuzz-stream-${links}`;
      const agent = stack.use(await openAgent(port, id));
      let dialled = (_ticket: string): void => undefined;
      agent.socket.on('message', (data: Buffer) => {
        const received = parseRelayMessage(data.toString());
        if (received.kind === 'message' && received.message.type === 'dial') dialled(received.message.ticket);
      });
      const stream = async (): Promise<Socket | undefined> => {
        const { promise, resolve } = Promise.withResolvers<string>();
        dialled = resolve;
        return upgrade(port, agentStreamPath(id, await promise), { 'Sec-WebSocket-Protocol': STREAM });
      };
      idle.push({ id, stream });
    }
    return {
      async play(cases) {
        const agent = idle.pop();
        if (agent === undefined) throw new Error('more attackers than agents');
        const opening = agent.stream();
        const client = await upgrade(port, clientPath(agent.id), { 'Sec-WebSocket-Protocol': STREAM });
        if (client !== undefined) {
          const far = await opening;
          for (const end of [client, far]) {
            const bytes = end === undefined ? undefined : cases.next((chance) => mutated(corpus, chance));
            if (bytes !== undefined) end?.write(bytes);
          }
          const open = [client, far].filter((end) => end !== undefined);
          await Promise.all(open.map((end) => leave(end)));
        }
        idle.push(agent);
      },
      [Symbol.asyncDispose]: () => stack.disposeAsync(),
    };
  },
};
