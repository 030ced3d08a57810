import { readPolicy } from '/work/wt-policy/services/relay/policy/file/read-policy.ts';
import { readFileSync } from 'node:fs';
const r = readPolicy(readFileSync(process.argv[2]!), { audience: undefined, now: Date.now() });
if (r.kind==='read') console.dir(r, {depth: 8}); else for (const f of r.faults) console.log(`${f.line}: ${f.message}`);
