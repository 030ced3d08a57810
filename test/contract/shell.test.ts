// The contract of sessions on a terminal, kept by the agent's own addon.
import { ownPlatform } from '../../services/agent/own-platform.ts';
import { describeShells } from './shell-contract.ts';

describeShells('the addon', () => Promise.resolve(ownPlatform()), { closesAll: true });
