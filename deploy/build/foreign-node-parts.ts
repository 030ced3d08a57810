// What the Node for macOS and Windows brings along: of its own file LICENSE, which a package that nobody installs has. A test of
// `npm run test:laptops` compares it with that file.

export const FOREIGN_NODE_PARTS: readonly string[] = [
  'Acorn c-ares merve ittapi amaro swc ICU libuv LIEF llhttp undici OpenSSL Punycode.js V8 SipHash zlib simdjson',
  'simdutf ada minimatch inspector_protocol nghttp2 caja brotli zstd HdrHistogram node-heapdump rimraf uvwasi',
  'ngtcp2 nghttp3 node-fs-extra on-exit-leak-free sonic-boom',
].flatMap((line) => line.split(' '));

/**
 * The parts that a LICENSE of Node names. What is under tools/ and test/ builds and tests Node; npm and corepack are in neither a
 * program nor the image.
 */
export function nodePartsIn(license: string): string[] {
  return [...license.matchAll(/^- (.+), located at (\S+), is licensed as follows:$/gm)]
    .filter(
      ([, name = '', path = '']) => !/^(tools|test)\//.test(path) && !/^(npm|corepack|gtest)$/.test(name),
    )
    .map(([, name = '']) => name);
}
