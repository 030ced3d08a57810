// One end of the resumable stream, written from section 10 of docs/protocol.md alone.

export const [OPEN, OPENED, REFUSED, DATA, ACK, FIN, RESET] = [1, 2, 3, 4, 5, 6, 7] as const;
const WINDOW = 4 * 1024 * 1024;
const CHUNK = 32 * 1024;
/** No wait of a test: what this end leaves between what it took and its ACK, well within R-RESUME-15. */
const ACK_AFTER_MS = 100;

export const u64 = (value: number) => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
};
export const readU64 = (bytes: Buffer, at = 0) => Number(bytes.readBigUInt64BE(at));
export const frame = (type: number, ...payload: Buffer[]) => {
  const whole = Buffer.concat([Buffer.from([type, 0, 0, 0, 0]), ...payload]);
  whole.writeUInt32BE(whole.length - 5, 1);
  return whole;
};

/** Gives `take` each frame of the bytes that it is fed with, however they are cut. */
export function frameReader(take: (type: number, payload: Buffer) => void) {
  let rest = Buffer.alloc(0);
  return (bytes: Buffer) => {
    rest = Buffer.concat([rest, bytes]);
    while (rest.length >= 5 && rest.length >= 5 + rest.readUInt32BE(1)) {
      const end = 5 + rest.readUInt32BE(1);
      const [type, payload] = [rest.readUInt8(0), rest.subarray(5, end)];
      rest = rest.subarray(end);
      take(type, payload);
    }
  };
}

interface Local {
  /** Takes bytes, and calls back when they are taken; also for none, at the end. */
  take(bytes: Buffer, taken: () => void): void;
  /** There is room again. */
  roomy(): void;
  /** Nothing more will be sent: 0, or the code of RESET. */
  over(code: number): void;
}

export function resumableEnd(local: Local) {
  const kept: { at: number; bytes: Buffer; fin: boolean }[] = [];
  let [written, highest, next, acked, arrived, taken, told] = [0, 0, 0, 0, 0, 0, 0];
  let [isOver, isHeard, isOurFinWritten, isTheirFinHere, isTheirFinTaken] = Array<boolean>(5).fill(false);
  let send: ((bytes: Buffer) => void) | undefined;
  let ackTimer: NodeJS.Timeout | undefined;

  function over(code: number) {
    if (isOver) return;
    isOver = true;
    clearTimeout(ackTimer);
    local.over(code);
  }
  function reset(code: number) {
    send?.(frame(RESET, Buffer.from([0, code])));
    over(code);
  }
  // R-RESUME-11 to -13: everything from `next` on that the window allows.
  function pump() {
    for (const { at, bytes, fin } of kept) {
      const end = at + bytes.length;
      if (end <= next) continue;
      if (send === undefined || end > acked + WINDOW) return;
      send(
        fin
          ? frame(FIN, u64(at))
          : frame(DATA, u64(Math.max(at, next)), bytes.subarray(Math.max(0, next - at))),
      );
      next = end;
      highest = Math.max(highest, next);
    }
  }
  function keep(bytes: Buffer, fin: boolean) {
    kept.push({ at: written, bytes, fin });
    written += bytes.length;
  }
  function finish() {
    if (isOurFinWritten) return;
    isOurFinWritten = true;
    keep(Buffer.alloc(1), true);
    pump();
  }
  // R-RESUME-14, -15: what was taken, now and then.
  function acknowledge() {
    clearTimeout(ackTimer);
    ackTimer = undefined;
    if (send === undefined || isOver || taken === 0) return;
    told = taken;
    send(frame(ACK, u64(taken)));
  }
  function took(count: number) {
    taken += count;
    if (taken - told > WINDOW / 16) acknowledge();
    else ackTimer ??= setTimeout(acknowledge, ACK_AFTER_MS);
  }
  // R-RESUME-18.
  function settle() {
    if (isTheirFinTaken && isOurFinWritten && acked === written) over(0);
  }
  function takeAck(total: number) {
    if (total > highest) return reset(10);
    if (total < acked) return reset(7);
    acked = total;
    while (kept[0] !== undefined && kept[0].at + kept[0].bytes.length <= acked) kept.shift();
    if (written - acked < WINDOW) local.roomy();
    pump();
    settle();
  }

  return {
    get arrived() {
      return arrived;
    },
    get isHeard() {
      return isHeard;
    },
    get isTheirFinTaken() {
      return isTheirFinTaken;
    },
    /** R-RESUME-6. */
    covers: (received: number) => received >= acked && received <= highest,
    reset,
    finish,
    /** Goes on over a transport: `to` sends on it, `received` is what the other end has. */
    carry(to: (bytes: Buffer) => void, received: number) {
      [send, next] = [to, received];
      acknowledge();
      pump();
    },
    lose() {
      send = undefined;
    },
    /** False: wait for `roomy`. */
    write(bytes: Buffer) {
      if (isOurFinWritten) return true;
      for (let at = 0; at < bytes.length; at += CHUNK) keep(bytes.subarray(at, at + CHUNK), false);
      pump();
      return written - acked < WINDOW;
    },
    take(type: number, payload: Buffer) {
      if (isOver) return;
      isHeard = true;
      if (type === RESET) return over(payload.readUInt16BE(0));
      if (type === ACK) return takeAck(readU64(payload));
      if ((type !== DATA && type !== FIN) || isTheirFinHere) return reset(7);
      const bytes = payload.subarray(8);
      const places = type === FIN ? 1 : bytes.length;
      if (readU64(payload) !== arrived) return reset(3);
      if (arrived + places > told + WINDOW) return reset(9);
      arrived += places;
      isTheirFinHere = type === FIN;
      local.take(bytes, () => {
        took(places);
        if (type === DATA) return;
        isTheirFinTaken = true;
        finish();
        acknowledge();
        settle();
      });
    },
  };
}
