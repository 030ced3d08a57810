// The check of the pinned host key, written from section 11 of docs/protocol.md alone.
import { createHash } from 'node:crypto';

const METHODS =
  /^(?:curve|ecdh-|sntrup|mlkem|diffie-hellman-group\d+-sha(?:256|512)$|ext-info-s$|kex-strict-s-)/;

/** Takes what the server sends; gives what may be passed on, or the fault. Without a pin all is. */
export function hostKeyCheck(pin: string | undefined) {
  /** What has still to come in the clear: a line (0), KEXINIT, its reply, NEWKEYS. */
  const steps = pin === undefined ? [] : [0, 20, 31, 21];
  let rest = Buffer.alloc(0);

  return (bytes: Buffer): Buffer | string => {
    if (steps.length === 0) return bytes;
    rest = Buffer.concat([rest, bytes]);
    const passed: Buffer[] = [];
    for (let [step] = steps; step !== undefined; [step] = steps) {
      const end = step === 0 ? rest.indexOf('\n') + 1 : rest.length < 6 ? 6 : 4 + rest.readUInt32BE(0);
      if (end === 0 || rest.length < end) break;
      const piece = rest.subarray(0, end);
      rest = rest.subarray(end);
      if (step === 0 && !piece.toString('latin1').startsWith('SSH-2.0-')) continue;
      const fault = step === 0 ? undefined : faultOf(step, piece.subarray(5));
      if (fault !== undefined) return fault;
      passed.push(piece);
      steps.shift();
    }
    if (steps.length === 0) passed.push(rest);
    return Buffer.concat(passed);
  };

  function faultOf(step: number, message: Buffer): string | undefined {
    if (message[0] !== step) return `message ${message[0]} in place of ${step}`;
    if (step === 20) {
      const methods = message.toString('latin1', 21, 21 + message.readUInt32BE(17)).split(',');
      return methods.every((method) => METHODS.test(method)) ? undefined : 'the host key cannot be checked';
    }
    if (step !== 31) return undefined;
    const key = message.subarray(5, 5 + message.readUInt32BE(1));
    const found = `SHA256:${createHash('sha256').update(key).digest('base64').replace('=', '')}`;
    return found === pin ? undefined : `the host has the key ${found}`;
  }
}
