// A line of the agent as a developer should see it: the command to type, with wsproxy from its sources, and the password.

/** `wsproxy`: the words that start it, in place of the downloaded program's. */
export function agentLine(line: string, wsproxy: string): string {
  if (line.startsWith('./wsproxy '))
    return `\nIn another terminal, in this folder:\n\n  ${line.replace('./wsproxy', wsproxy)}\n`;
  // Of the quiet card a password is the only line that is one word.
  if (/^[a-z0-9]+$/.test(line)) return `Password:\n\n  ${line}\n`;
  return `agent | ${line}`;
}
