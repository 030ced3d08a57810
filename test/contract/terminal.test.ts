// The contract of terminals, kept by the agent's own addon.
import { ADDON_PROGRAMS } from '../../services/agent/platform/posix/addon-programs.ts';
import { describeTerminals } from './terminal-contract.ts';

describeTerminals('the addon', () => Promise.resolve(ADDON_PROGRAMS));
