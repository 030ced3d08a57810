// Pouring a file of this machine into one of the job, at the pace of the job.
import { chunksOf } from '../dom/stream-chunks.ts';

/**
 * Resolves when the job has all of it and has closed its file; `moved` is told of bytes as they leave. Rejects as either end
 * does, or by the signal; the file of the job is closed then too.
 */
export async function pourFile(
  content: Blob,
  target: WritableStream<Uint8Array>,
  moved: (bytes: number) => void,
  signal: AbortSignal,
): Promise<void> {
  const writer = target.getWriter();
  try {
    for await (const bytes of chunksOf(content.stream())) {
      signal.throwIfAborted();
      await writer.write(bytes);
      moved(bytes.length);
    }
    await writer.close();
  } catch (error) {
    // Where this machine cannot read it any more: in the job it is still open.
    await writer.abort(error).catch(() => undefined);
    throw error;
  }
}
