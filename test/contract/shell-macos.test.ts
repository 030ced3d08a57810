// The contract of sessions on a terminal, kept by what starts programs on macOS, on this system.
import { macosPrograms } from '../../services/agent/platform/macos/macos-programs.ts';
import { posixPlatform } from '../../services/agent/platform/posix/posix-platform.ts';
import { madeTerminalFiles } from '../support/agent/terminal-files.ts';
import { describeShells } from './shell-contract.ts';

describeShells(
  'macOS',
  async () => posixPlatform(macosPrograms(await madeTerminalFiles()), () => undefined),
  {
    closesAll: false,
  },
);
