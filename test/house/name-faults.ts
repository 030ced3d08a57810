// Name faults: exported names that mean two things, and words of names that the house has agreed on.
import type { ParsedFile } from './source-file.ts';

/** Where an exported name may be declared once only. Tests have names of their own. */
const PRODUCT = /^(?:services|deploy)\//;

/** `X_MAX` and `X_MAX_BYTES`: the house says MAX_X and MAX_X_BYTES. Variables of the environment are no constants. */
const TRAILING_MAXIMUM = /^[A-Z][A-Z0-9_]*_MAX(?:_[A-Z]+)*$/;

/** Every fault as a sentence that says what to do. */
export function findNameFaults(files: readonly ParsedFile[]): readonly string[] {
  return [...faultsOfTwins(files), ...files.flatMap(faultsOfMax)];
}

function faultsOfTwins(files: readonly ParsedFile[]): readonly string[] {
  const homes = new Map<string, readonly string[]>();
  for (const { path, exports } of files)
    if (PRODUCT.test(path)) for (const name of exports) homes.set(name, [...(homes.get(name) ?? []), path]);
  return [...homes].flatMap(([name, paths]) =>
    paths.length === 1
      ? []
      : [
          `${name} is exported by ${paths.join(' and ')}: one name is one thing; say in each name what it is of`,
        ],
  );
}

function faultsOfMax({ path, constants }: ParsedFile): readonly string[] {
  return constants
    .filter((name) => TRAILING_MAXIMUM.test(name))
    .map(
      (name) =>
        `${path} declares ${name}: limits begin with MAX_ and end with their unit, as in MAX_LINE_BYTES`,
    );
}
