// `npm run lint`, the part about rooms, names and dialect: prints every fault and ends with 1 if there is one.
import { ROOT } from '../../deploy/build/source-tree.ts';
import { findDialectFaults } from './dialect-faults.ts';
import { findNameFaults } from './name-faults.ts';
import { findRoomFaults } from './room-faults.ts';
import { ROOMS } from './rooms.ts';
import { parseFile, readSources } from './source-file.ts';
import { listSources } from './source-list.ts';

const sources = readSources(ROOT, listSources(ROOT));
const files = sources.map(parseFile);
const faults = [...findRoomFaults(ROOMS, files), ...findNameFaults(files), ...findDialectFaults(sources)];
for (const fault of faults) console.error(fault);
console.log(`rooms: ${files.length} files in ${ROOMS.length} rooms, ${faults.length} faults`);
process.exitCode = faults.length === 0 ? 0 : 1;
