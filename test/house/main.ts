// `npm run lint`, the part about rooms, names and dialect: prints every fault and ends with 1 if there is one.
import { findDialectFaults } from './dialect-faults.ts';
import { readHouse } from './house.ts';
import { findNameFaults } from './name-faults.ts';
import { findRoomFaults } from './room-faults.ts';
import { ROOMS } from './rooms.ts';

const { files, trees } = readHouse();
const faults = [...findRoomFaults(ROOMS, files), ...findNameFaults(files), ...findDialectFaults(trees)];
for (const fault of faults) console.error(fault);
console.log(`rooms: ${files.length} files in ${ROOMS.length} rooms, ${faults.length} faults`);
process.exitCode = faults.length === 0 ? 0 : 1;
