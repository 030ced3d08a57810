// What is parsed without a connection: each parser is called with the bytes, one case a call, and must not throw.
import { closeReasonFrom } from '#shared/protocol/close-reasons.ts';
import { parseAgentMessage, parseRelayMessage } from '#shared/protocol/control-messages.ts';
import { parsePublicTarget } from '#shared/protocol/paths.ts';
import { parseRefusal } from '#shared/protocol/refusals.ts';
import { parseSubprotocols } from '#shared/protocol/subprotocols.ts';
import { ResumeFrameParser } from '#shared/resume/frame-parser.ts';
import { WebSocketFrameParser } from '#shared/websocket/frame-parser.ts';
import { ClusterKey } from '../../../services/relay/hop/cluster-key.ts';
import { parseDialOrder } from '../../../services/relay/hop/dial-order.ts';
import { judgePeerRequest, signPeerRequest } from '../../../services/relay/hop/peer-credentials.ts';
import { openTicket, sealTicket } from '../../../services/relay/hop/ticket.ts';
import type { Chance } from '../chance.ts';
import { mutatedJson } from '../json-mutation.ts';
import type { Kind } from '../kind.ts';
import { mutated } from '../mutation.ts';
import { AGENT_ID, CLUSTER_SECRET } from '../world.ts';
import { frameCorpus, RESUMPTION, STATUS } from './frames.ts';
import { conversations } from './resume.ts';

/** This many a turn of the event loop: the good session is served by this process too. */
const CASES_PER_TURN = 200;

export const WELCOME = {
  type: 'welcome',
  id: AGENT_ID,
  epoch: 7,
  pod: 'pod-fuzz',
  publicUrl: 'https://relay.test',
} as const;
export const DIAL = { type: 'dial', ticket: 'dGlja2V0', client: '192.0.2.1', resumable: true } as const;
export const GOAWAY = { type: 'goaway', reason: 'restart', seconds: 30 } as const;

type Make = (chance: Chance) => Buffer;

function direct(name: string, share: number, make: Make, parse: (bytes: Buffer) => void): Kind {
  return {
    name,
    share,
    atATime: 1,
    open: () =>
      Promise.resolve({
        play(cases) {
          for (let left = CASES_PER_TURN; left > 0; left -= 1) {
            const bytes = cases.next(make);
            if (bytes === undefined) return;
            parse(bytes);
          }
        },
        [Symbol.asyncDispose]: () => Promise.resolve(),
      }),
  };
}

/** Two pieces, so that a message may end within either. */
function inPieces(bytes: Buffer, push: (piece: Buffer) => void): void {
  const middle = bytes.length >> 1;
  push(bytes.subarray(0, middle));
  push(bytes.subarray(middle));
}

const SINK = { data: () => undefined, control: () => undefined, fault: () => undefined } as const;
const frames = frameCorpus();
const talks = conversations();
const key = new ClusterKey([CLUSTER_SECRET]);
const ticket = { nonce: 'n', id: AGENT_ID, address: '127.0.0.1:9090', resumable: true, expiresAt: 1e15 };
const PEER_REQUEST = { method: 'POST', path: '/dial/job', body: '{}' } as const;
const peerHeader = Buffer.from(signPeerRequest(key, PEER_REQUEST, 1_800_000_000_000));
const targets = ['/agent/job', `/agent/job/stream/${'x'.repeat(40)}`, '/client/job?wait=30'].map((text) =>
  Buffer.from(text),
);
const words = ['ended', 'converge.stream.v1, converge.resume.v1', '{"code":"id_taken","message":"x"}'].map(
  (text) => Buffer.from(text),
);

export const directKinds: readonly Kind[] = [
  direct(
    'websocket-parser',
    75_000,
    (chance) => mutated(frames, chance),
    (bytes) => {
      for (const isServer of [true, false]) {
        const parser = new WebSocketFrameParser(SINK, isServer);
        // It owns what it gets, and unmasks it.
        inPieces(Buffer.from(bytes), (piece) => parser.push(piece));
      }
    },
  ),
  direct(
    'resume-parser',
    65_000,
    (chance) => mutated(talks, chance),
    (bytes) => {
      const parser = new ResumeFrameParser();
      inPieces(bytes, (piece) => {
        parser.push(piece);
        for (let frame = parser.next(); frame !== undefined && frame.kind !== 'bad'; ) frame = parser.next();
      });
    },
  ),
  direct(
    'agent-message-parser',
    80_000,
    (chance) => mutatedJson([STATUS, RESUMPTION], chance),
    (bytes) => parseAgentMessage(bytes.toString()),
  ),
  direct(
    'relay-message-parser',
    62_500,
    (chance) => mutatedJson([WELCOME, DIAL, GOAWAY], chance),
    (bytes) => parseRelayMessage(bytes.toString()),
  ),
  direct(
    'dial-order-parser',
    30_000,
    (chance) => mutatedJson([DIAL], chance),
    (bytes) => parseDialOrder(bytes.toString()),
  ),
  direct(
    'ticket',
    30_000,
    // Half of them sealed as they are: by a pod of another version, or one that is wrong.
    (chance) => {
      const fields = Buffer.from(
        JSON.stringify([ticket.nonce, ticket.id, ticket.address, 1, ticket.expiresAt]),
      );
      return chance.oneIn(2)
        ? mutated([Buffer.from(sealTicket(key, ticket))], chance)
        : Buffer.from(key.seal(mutated([fields], chance).toString()));
    },
    (bytes) => openTicket(key, bytes.toString('latin1'), AGENT_ID, Date.now()),
  ),
  direct(
    'credentials-and-paths',
    21_000,
    (chance) => mutated([peerHeader, ...targets, ...words], chance),
    (bytes) => {
      const text = bytes.toString('latin1');
      judgePeerRequest(key, PEER_REQUEST, text, Date.now());
      parsePublicTarget(text);
      parseSubprotocols(text);
      parseRefusal(text);
      closeReasonFrom(4409, text);
    },
  ),
];
