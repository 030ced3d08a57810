// Another wsproxy, written from docs/protocol.md alone: the proof that the page says enough. It imports nothing of services/.
import { createHash, randomBytes } from 'node:crypto';
import { type RawData, WebSocket } from 'ws';

const WINDOW = 4 * 1024 * 1024;
const CHUNK = 32 * 1024;
const [OPEN, OPENED, REFUSED, DATA, ACK, FIN, RESET] = [1, 2, 3, 4, 5, 6, 7] as const;
const RETRIED = [404, 409, 429, 500, 502, 503, 504];

const [address = '', pin] = (process.argv[2] ?? '').split('#');
const id = randomBytes(16);
const out: { at: number; bytes: Buffer; fin: boolean }[] = [];
let [written, acked, next, arrived, taken, told, tries] = [0, 0, 0, 0, 0, 0, 0];
let windowMs = 120_000;
let [isOpened, isOurFinWritten, isTheirFinTaken] = [false, false, false];
let ackTimer: NodeJS.Timeout | undefined;
let deadline: NodeJS.Timeout | undefined = setTimeout(() => quit(3, 'no agent'), 30_000);
/** Carries the stream: OPENED came over it. */
let live: WebSocket | undefined;
let inbox = Buffer.alloc(0);
let unchecked = Buffer.alloc(0);
/** What the server has still to show in the clear: its line, KEXINIT, its reply, NEWKEYS. */
const steps = pin === undefined ? [] : [0, 20, 31, 21];

const u64 = (value: number) => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
};
const frame = (type: number, ...payload: Buffer[]) => {
  const whole = Buffer.concat([Buffer.from([type, 0, 0, 0, 0]), ...payload]);
  whole.writeUInt32BE(whole.length - 5, 1);
  return whole;
};
const send = (type: number, ...payload: Buffer[]) => live?.send(frame(type, ...payload));

function quit(code: number, why = ''): undefined {
  if (why !== '') process.stderr.write(`page client: ${why}\n`);
  if (live === undefined) process.exit(code);
  // R-STREAM-6: the last bytes have 10 s.
  live.on('close', () => process.exit(code));
  live.close(1000);
  setTimeout(() => process.exit(code), 10_000);
}

function reset(code: number, why: string, exitCode = 3): undefined {
  send(RESET, Buffer.from([0, code]));
  return quit(exitCode, why);
}

// Section 4 and R-RESUME-23, -24: dial, and dial again.
function dial(): void {
  const socket = new WebSocket(`${address}?wait=5`, ['converge.resume.v1', 'converge.stream.v1'], {
    perMessageDeflate: false,
  });
  let isOver = false;
  const lost = (waitMs = 0) => {
    if (isOver) return;
    isOver = true;
    clearTimeout(patience);
    socket.terminate();
    if (live === socket) live = undefined;
    deadline ??= setTimeout(() => quit(isTheirFinTaken ? 0 : 3, 'no way to the agent'), windowMs);
    const bound = tries === 0 ? 0 : Math.min(3_000, 50 * 1.5 ** tries);
    tries += 1;
    setTimeout(dial, Math.max(waitMs, Math.random() * bound));
  };
  const patience = setTimeout(lost, 25_000);
  socket.on('unexpected-response', (_request, answer) => {
    if (!RETRIED.includes(answer.statusCode ?? 0)) return quit(4, `refused with ${answer.statusCode}`);
    lost(Number(answer.headers['retry-after'] ?? 0) * 1_000);
  });
  socket.on('error', () => lost());
  socket.on('close', () => lost());
  socket.on('open', () => {
    inbox = Buffer.alloc(0);
    const mode = Buffer.from([isOpened ? 1 : 0]);
    socket.send(frame(OPEN, Buffer.from('CVRS'), Buffer.from([2]), id, mode, u64(arrived)));
  });
  socket.on('message', (data: RawData) => {
    if (isOver) return;
    inbox = Buffer.concat([inbox, data as Buffer]);
    while (inbox.length >= 5 && inbox.length >= 5 + inbox.readUInt32BE(1)) {
      const [type, end] = [inbox[0] ?? 0, 5 + inbox.readUInt32BE(1)];
      const payload = inbox.subarray(5, end);
      inbox = inbox.subarray(end);
      if (type === OPENED) {
        clearTimeout(patience);
        live = socket;
      }
      take(type, payload);
    }
  });
}

function take(type: number, payload: Buffer): void {
  if (type === REFUSED || type === RESET)
    return quit(3, `ended by the agent: code ${payload.readUInt16BE(0)}`);
  const offset = Number(payload.readBigUInt64BE(0));
  if (type === OPENED) {
    clearTimeout(deadline);
    deadline = undefined;
    windowMs = payload.length < 12 ? 120_000 : payload.readUInt32BE(8) * 1_000;
    if (offset < acked || offset > next) return reset(3, 'bad offset');
    [isOpened, next, tries] = [true, offset, 0];
    acknowledge();
    pump();
  } else if (type === ACK) {
    acked = offset;
    while (out[0] !== undefined && out[0].at + out[0].bytes.length <= acked) out.shift();
    if (written - acked < WINDOW) process.stdin.resume();
    pump();
    settle();
  } else if (offset !== arrived) {
    reset(3, `bytes at ${offset} in place of ${arrived}`);
  } else if (type === DATA) {
    const bytes = payload.subarray(8);
    arrived += bytes.length;
    const passed = checked(bytes);
    if (passed !== undefined) process.stdout.write(passed, () => took(bytes.length));
  } else if (type === FIN) {
    arrived += 1;
    // After all that was written before it.
    process.stdout.write('', () => {
      isTheirFinTaken = true;
      finish();
      took(1);
      acknowledge();
      settle();
    });
  }
}

// R-RESUME-14, -15: what was taken, now and then.
function took(count: number): void {
  taken += count;
  if (taken - told > 256 * 1024) acknowledge();
  else ackTimer ??= setTimeout(acknowledge, 100);
}

function acknowledge(): void {
  clearTimeout(ackTimer);
  ackTimer = undefined;
  if (live === undefined || taken === 0) return;
  told = taken;
  send(ACK, u64(taken));
}

// R-RESUME-11 to -13: everything from `next` on that the window allows.
function pump(): void {
  if (live === undefined) return;
  for (const { at, bytes, fin } of out) {
    const end = at + bytes.length;
    if (end <= next) continue;
    if (end > acked + WINDOW) return;
    if (fin) send(FIN, u64(at));
    else send(DATA, u64(Math.max(at, next)), bytes.subarray(Math.max(0, next - at)));
    next = end;
  }
}

function keep(bytes: Buffer, fin = false): void {
  out.push({ at: written, bytes, fin });
  written += bytes.length;
}

function finish(): void {
  if (isOurFinWritten) return;
  isOurFinWritten = true;
  keep(Buffer.alloc(1), true);
  pump();
}

function settle(): void {
  if (isTheirFinTaken && isOurFinWritten && acked === written) quit(0);
}

process.stdin.on('data', (data: Buffer) => {
  if (isOurFinWritten) return;
  for (let at = 0; at < data.length; at += CHUNK) keep(data.subarray(at, at + CHUNK));
  if (written - acked >= WINDOW) process.stdin.pause();
  pump();
});
process.stdin.on('end', finish);
process.stdout.on('error', () => quit(0));

// R-PIN-2 to -4: each piece of the server's is passed on once it was seen to be right; after NEWKEYS, everything.
function checked(bytes: Buffer): Buffer | undefined {
  if (steps.length === 0) return bytes;
  unchecked = Buffer.concat([unchecked, bytes]);
  const passed: Buffer[] = [];
  for (let [step] = steps; step !== undefined; [step] = steps) {
    const end =
      step === 0 ? unchecked.indexOf('\n') + 1 : 4 + (unchecked.length < 6 ? 4 : unchecked.readUInt32BE(0));
    if (end === 0 || unchecked.length < end) break;
    const piece = unchecked.subarray(0, end);
    unchecked = unchecked.subarray(end);
    if (step === 0 && !piece.toString('latin1').startsWith('SSH-2.0-')) continue;
    const fault = step === 0 ? undefined : faultOf(step, piece.subarray(5));
    if (fault !== undefined) return reset(11, fault, 6);
    passed.push(piece);
    steps.shift();
  }
  if (steps.length === 0) passed.push(unchecked);
  return Buffer.concat(passed);
}

function faultOf(step: number, message: Buffer): string | undefined {
  if (message[0] !== step) return `message ${message[0]} in place of ${step}`;
  if (step === 20) {
    const methods = message.toString('latin1', 21, 21 + message.readUInt32BE(17)).split(',');
    const good =
      /^(?:curve|ecdh-|sntrup|mlkem|diffie-hellman-group\d+-sha(?:256|512)$|ext-info-s$|kex-strict-s-)/;
    return methods.every((method) => good.test(method)) ? undefined : 'the host key cannot be checked';
  }
  if (step !== 31) return undefined;
  const key = message.subarray(5, 5 + message.readUInt32BE(1));
  const found = `SHA256:${createHash('sha256').update(key).digest('base64').replace('=', '')}`;
  return found === pin ? undefined : `the host has the key ${found}`;
}

setInterval(() => live?.ping(), 15_000);
dial();
