// Extension copy-data: copies between two open files without the bytes crossing the network (draft-ietf-secsh-filexfer-extensions-00 section 7).
import type { OpenFile } from '../handles.ts';
import { COPY_STEP_BYTES } from '../limits.ts';
import { StatusRefusal } from '../refusal.ts';
import { eofReply, okReply } from '../replies.ts';
import { CHANGE, type ParseRequest, type RequestContext } from '../request.ts';

interface Range {
  readonly from: number;
  readonly to: number;
  /** Infinity copies to the end of the file. */
  readonly length: number;
}

/** EOF is the answer where the file ended before the length that was asked for; what there was is copied. */
export const parseCopyData: ParseRequest = (id, fields, context) => {
  const sourceName = fields.string();
  const from = fields.u64();
  const asked = fields.u64();
  const targetName = fields.string();
  const to = fields.u64();
  return {
    subject: () => `${context.handles.pathOf(sourceName)} -> ${context.handles.pathOf(targetName)}`,
    footprint: () => CHANGE,
    async run() {
      const source = context.handles.file(sourceName);
      const target = context.handles.file(targetName);
      if (source.key === target.key) throw new StatusRefusal('FAILURE', 'a file is not copied to itself');
      const length = asked === 0 ? Number.POSITIVE_INFINITY : asked;
      const copied = await copyRange(source, target, { from, to, length }, context);
      return asked !== 0 && copied < asked ? eofReply(id) : okReply(id);
    },
  };
};

async function copyRange(
  source: OpenFile,
  target: OpenFile,
  { from, to, length }: Range,
  context: RequestContext,
): Promise<number> {
  const buffer = Buffer.allocUnsafe(Math.min(length, COPY_STEP_BYTES));
  let copied = 0;
  while (copied < length && !context.isOver()) {
    const wanted = Math.min(buffer.length, length - copied);
    const count = await source.read(buffer, 0, wanted, from + copied);
    if (count === 0) break;
    await target.write(buffer.subarray(0, count), to + copied);
    copied += count;
    context.onActivity();
  }
  return copied;
}
