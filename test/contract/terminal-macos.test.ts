// The contract of terminals, kept by what opens them on macOS, on this system.
import { macosPrograms } from '../../services/agent/platform/macos/macos-programs.ts';
import { madeTerminalFiles } from '../support/agent/terminal-files.ts';
import { describeTerminals } from './terminal-contract.ts';

describeTerminals('macOS', async () => macosPrograms(await madeTerminalFiles()));
