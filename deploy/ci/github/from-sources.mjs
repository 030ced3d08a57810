// A step of the action, started from its sources. JavaScript: a Node that reads no TypeScript leaves an annotation then, and no red job.

/** Runs the process in `file` to its end. Never rejects. */
export async function runFromSources(file) {
  try {
    await import(file);
  } catch (error) {
    const reason = error.code ?? error.name;
    process.stdout.write(
      `::warning title=Converge::This job is not open for SSH: the runner starts the action with Node ${process.versions.node}, which does not read it (${reason}); it takes Node 24.\n`,
    );
  }
}
