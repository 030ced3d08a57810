// Another wsproxy, written from docs/protocol.md alone: `client-program.ts ws://HOST/client/ID[#SHA256:FINGERPRINT]`.
import { randomBytes } from 'node:crypto';
import { WebSocket } from 'ws';
import { hostKeyCheck } from './host-key-check.ts';
import { frame, frameReader, OPEN, OPENED, REFUSED, readU64, resumableEnd, u64 } from './resumable-end.ts';

const [address = '', pin] = (process.argv[2] ?? '').split('#');
const id = randomBytes(16);
const check = hostKeyCheck(pin);
let live: WebSocket | undefined;
let isKnown = false;
let windowMs = 30_000;
let tries = 0;
let deadline: NodeJS.Timeout | undefined;

const end = resumableEnd({
  take(bytes, taken) {
    const passed = check(bytes);
    if (typeof passed !== 'string') return void process.stdout.write(passed, taken);
    process.stderr.write(`page client: ${passed}\n`);
    end.reset(11);
  },
  roomy: () => process.stdin.resume(),
  over(code) {
    if (code !== 0) process.stderr.write(`page client: ended with code ${code}\n`);
    quit(code === 0 ? 0 : 3);
  },
});

function quit(code: number) {
  if (live === undefined) process.exit(code);
  live.on('close', () => process.exit(code));
  live.close(1000);
  // R-STREAM-6: the last bytes have 10 s.
  setTimeout(() => process.exit(code), 10_000);
}

// Section 4, and R-RESUME-23 to -25.
function dial() {
  const socket = new WebSocket(`${address}?wait=5`, ['converge.resume.v1', 'converge.stream.v1'], {
    perMessageDeflate: false,
  });
  let isLost = false;
  const lost = (waitMs = 0) => {
    if (isLost) return;
    isLost = true;
    clearTimeout(patience);
    socket.terminate();
    end.lose();
    live = undefined;
    deadline ??= setTimeout(() => quit(end.isTheirFinTaken ? 0 : 3), windowMs);
    setTimeout(
      dial,
      Math.max(waitMs, Math.random() * (tries === 0 ? 0 : Math.min(3_000, 50 * 1.5 ** tries))),
    );
    tries += 1;
  };
  const patience = setTimeout(lost, 25_000);
  socket.on('error', () => lost());
  socket.on('close', () => lost());
  socket.on('unexpected-response', (_request, { statusCode = 0, headers }) => {
    if (![404, 409, 429, 500, 502, 503, 504].includes(statusCode)) return quit(4);
    lost(Math.min(60, Number(headers['retry-after'] ?? 0)) * (1_000 + Math.random() * 500));
  });
  socket.on('open', () => {
    const mode = Buffer.from([isKnown ? 1 : 0]);
    socket.send(frame(OPEN, Buffer.from('CVRS'), Buffer.from([2]), id, mode, u64(end.arrived)));
  });
  const read = frameReader((type, payload) => {
    if (isLost) return;
    if (live !== undefined) return end.take(type, payload);
    live = socket;
    if (type === REFUSED) return quit(3);
    if (type !== OPENED || !end.covers(readU64(payload))) return end.reset(type === OPENED ? 3 : 7);
    clearTimeout(patience);
    clearTimeout(deadline);
    [deadline, isKnown, tries] = [undefined, true, 0];
    windowMs = payload.length < 12 ? 120_000 : payload.readUInt32BE(8) * 1_000;
    end.carry((bytes) => socket.send(bytes), readU64(payload));
  });
  socket.on('message', read);
}

process.stdin.on('data', (bytes: Buffer) => {
  if (!end.write(bytes)) process.stdin.pause();
});
process.stdin.on('end', end.finish);
process.stdout.on('error', () => end.reset(11));
setInterval(() => live?.ping(), 15_000);
dial();
