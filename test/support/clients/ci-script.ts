// The shell lines of a CI block: what its YAML or Groovy hands to a shell.

export function shellLinesOf(block: string): string {
  const [, groovy] = /'''\n([\s\S]*?)\n *'''/.exec(block) ?? [];
  const [, yaml] = /(?:run:|command:|-) \|\n([\s\S]*)$/.exec(block) ?? [];
  return (groovy ?? yaml ?? block).replaceAll('${{ strategy.job-index }}', '0');
}
