// The table of rooms: what lies where, and who may import whom. `docs/rooms.md` is made from it, `npm run lint` holds
// every file to it.
import type { Room } from './room.ts';
import { SERVICE_ROOMS } from './service-rooms.ts';
import { DEPLOY_ROOMS, TEST_ROOMS } from './test-rooms.ts';

export const ROOMS: readonly Room[] = [...SERVICE_ROOMS, ...DEPLOY_ROOMS, ...TEST_ROOMS];
