// What a client that asks for a terminal gets where there are none, printed as JSON.
import { startTerminalProgram } from '../../../services/agent/ssh/program/terminal-program.ts';
import { FakeChannel, programOn } from '../ssh/fake-channel.ts';

const channel = new FakeChannel();
const size = { columns: 80, rows: 24 };
const program = startTerminalProgram({ ...programOn(channel), size, greeting: 'welcome\n' });
await channel.finished;
console.log(
  JSON.stringify({ hasStarted: program.hasStarted, code: channel.exitCode, text: channel.stdoutText }),
);
