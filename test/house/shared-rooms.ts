// The rooms that all programs share: what lies where under services/shared/, and who may import whom.
import type { Room } from './room.ts';

/** What both ends of a wire must agree on, and what several programs need of time, text and the machine. */
export const SHARED_ROOMS: readonly Room[] = [
  {
    path: 'services/shared/protocol',
    purpose:
      'what travels between the programs: paths, headers, messages, refusals, close codes; the only parser of each',
    imports: ['services/shared/text'],
  },
  {
    path: 'services/shared/stream',
    purpose: 'byte streams, whatever carries them: the interface, Node streams as one, and the join of two',
    imports: ['services/shared/protocol', 'services/shared/text', 'services/shared/time'],
  },
  {
    path: 'services/shared/websocket',
    purpose:
      'WebSocket: handshake, frames, the byte stream over it, control links, keepalive, dialling and accepting',
    imports: [
      'services/shared/machine',
      'services/shared/outbound',
      'services/shared/protocol',
      'services/shared/stream',
      'services/shared/text',
      'services/shared/time',
    ],
    libraries: { ws: '*' },
  },
  {
    path: 'services/shared/outbound',
    purpose: 'HTTP requests to others: through proxies, with checked certificates, bounded',
    imports: ['services/shared/machine'],
    libraries: { 'https-proxy-agent': '*' },
  },
  {
    path: 'services/shared/resume',
    purpose: 'the resumable stream: a byte stream between client and agent that outlives its transports',
    imports: [
      'services/shared/protocol',
      'services/shared/stream',
      'services/shared/text',
      'services/shared/time',
    ],
  },
  {
    path: 'services/shared/ssh',
    purpose:
      'of SSH, what all programs read: strings of the wire, keys, signatures, certificates, revocation lists',
    imports: ['services/shared/protocol'],
  },
  {
    path: 'services/shared/signing',
    purpose: 'proofs by SSH keys, as agents and clients make them: a key file or an ssh-agent signs',
    imports: [
      'services/shared/protocol',
      'services/shared/ssh',
      'services/shared/text',
      'services/shared/time',
    ],
  },
  {
    path: 'services/shared/identity',
    purpose: 'proofs of who dials: what makes them, whether they may be sent, and the dial that shows them',
    imports: ['services/shared/protocol', 'services/shared/signing', 'services/shared/websocket'],
  },
  {
    path: 'services/shared/command-line',
    purpose: 'arguments split into options',
    imports: [],
  },
  {
    path: 'services/shared/commands',
    purpose: 'the commands that people are told to type, and what is in several of them',
    imports: ['services/shared/protocol'],
  },
  {
    path: 'services/shared/text',
    purpose: 'text of strangers made harmless, words quoted for a shell, and long text broken into lines',
    imports: [],
  },
  {
    path: 'services/shared/time',
    purpose: 'the clock, durations, pauses, backoff, token buckets, and many events told as one',
    imports: [],
  },
  {
    path: 'services/shared/machine',
    purpose: 'what Node and the machine give every program (flags, addons, proxies, authorities)',
    imports: ['services/shared/text'],
  },
];
