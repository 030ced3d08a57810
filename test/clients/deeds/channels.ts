// Deeds with many channels of one connection; how one connection is kept is each client's own.
import { deeds } from '../deed.ts';

export const CHANNEL_DEEDS = deeds(
  {
    name: '20 at once',
    about:
      'Twenty commands at the same time over one connection, each with its own input, output and exit code.',
    says: ['20 right'],
    limitSeconds: 120,
  },
  {
    name: '200 in a row',
    about: 'Two hundred commands one after the other over one connection.',
    says: ['200 right'],
    limitSeconds: 120,
  },
  {
    name: 'unread input, then more',
    about:
      'On one connection: commands that leave their input unread, and then others that must still be answered.',
    near: ['large'],
    says: ['still there'],
  },
  {
    name: 'rekey',
    about: 'New keys after every megabyte, in the middle of 20 MB each way.',
    near: ['large'],
    says: ['equal'],
    limitSeconds: 120,
  },
);
