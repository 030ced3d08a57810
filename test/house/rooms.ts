// The table of rooms: what lies where, and who may import whom. `docs/rooms.md` is made from it, `npm run lint` holds
// every file to it.
import { AGENT_ROOMS } from './agent-rooms.ts';
import { CLIENT_ROOMS } from './client-rooms.ts';
import { RELAY_ROOMS } from './relay-rooms.ts';
import type { Room } from './room.ts';
import { SHARED_ROOMS } from './shared-rooms.ts';
import { DEPLOY_ROOMS, TEST_ROOMS } from './test-rooms.ts';

export const ROOMS: readonly Room[] = [
  ...SHARED_ROOMS,
  ...RELAY_ROOMS,
  ...AGENT_ROOMS,
  ...CLIENT_ROOMS,
  ...DEPLOY_ROOMS,
  ...TEST_ROOMS,
];
