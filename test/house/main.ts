// `npm run lint`, the part about rooms and names: prints every fault and ends with 1 if there is one.
import { ROOT } from '../../deploy/build/source-tree.ts';
import { findNameFaults } from './name-faults.ts';
import { findRoomFaults } from './room-faults.ts';
import { ROOMS } from './rooms.ts';
import { parseFile, readSources } from './source-file.ts';
import { listSources } from './source-list.ts';

const files = readSources(ROOT, listSources(ROOT)).map(parseFile);
const faults = [...findRoomFaults(ROOMS, files), ...findNameFaults(files)];
for (const fault of faults) console.error(fault);
console.log(`rooms: ${files.length} files in ${ROOMS.length} rooms, ${faults.length} faults`);
process.exitCode = faults.length === 0 ? 0 : 1;
