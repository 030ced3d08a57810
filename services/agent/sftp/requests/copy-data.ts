// Extension copy-data: copies between two open files without the bytes crossing the network (draft-ietf-secsh-filexfer-extensions-00 section 7).

import { readAt, writeAllAt } from '../descriptor.ts';
import type { FileHandle } from '../handles.ts';
import { COPY_STEP_BYTES } from '../limits.ts';
import { CHANGE, handleSubject, type OperationContext, type ParseOperation } from '../operation.ts';
import { StatusRefusal } from '../refusal.ts';
import { eofReply, okReply } from '../replies.ts';

interface Range {
  from: number;
  to: number;
  /** Infinity copies to the end of the file. */
  length: number;
}

/** EOF is the answer where the file ended before the length that was asked for; what there was is copied. */
export const parseCopyData: ParseOperation = (id, fields, context) => {
  const sourceName = fields.string();
  const from = fields.u64();
  const asked = fields.u64();
  const targetName = fields.string();
  const to = fields.u64();
  return {
    subject: () => `${handleSubject(context, sourceName)} -> ${handleSubject(context, targetName)}`,
    footprint: () => CHANGE,
    async run() {
      const source = context.handles.file(sourceName);
      const target = context.handles.file(targetName);
      if (source.file === target.file) {
        throw new StatusRefusal('FAILURE', 'a file is not copied to itself');
      }
      const length = asked === 0 ? Number.POSITIVE_INFINITY : asked;
      const copied = await copyRange(source, target, { from, to, length }, context);
      return asked !== 0 && copied < asked ? eofReply(id) : okReply(id);
    },
  };
};

async function copyRange(
  source: FileHandle,
  target: FileHandle,
  { from, to, length }: Range,
  context: OperationContext,
): Promise<number> {
  const buffer = Buffer.allocUnsafe(Math.min(length, COPY_STEP_BYTES));
  let copied = 0;
  while (copied < length && !context.isOver()) {
    const wanted = Math.min(buffer.length, length - copied);
    const count = await readAt(source.descriptor, buffer, 0, wanted, from + copied);
    if (count === 0) {
      break;
    }
    await writeAllAt(target.descriptor, buffer.subarray(0, count), target.append ? null : to + copied);
    copied += count;
    context.onActivity();
  }
  return copied;
}
