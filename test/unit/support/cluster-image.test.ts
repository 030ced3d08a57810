// Images as the cluster test is given them.
import { expect, test } from 'vitest';
import { imageValues } from '../../cluster/cluster-image.ts';

const DIGEST = `sha256:${'a'.repeat(64)}`;

test.each([
  ['converge', 'converge', 'latest', ''],
  ['converge:0.1.0', 'converge', '0.1.0', ''],
  ['localhost:5000/converge', 'localhost:5000/converge', 'latest', ''],
  ['localhost:5000/ci/converge:20261123', 'localhost:5000/ci/converge', '20261123', ''],
  [`registry.example.com/converge@${DIGEST}`, 'registry.example.com/converge', '', DIGEST],
  [`registry.example.com/converge:1@${DIGEST}`, 'registry.example.com/converge', '1', DIGEST],
])('%s', (image, repository, tag, digest) => {
  expect(imageValues(image)).toEqual({ repository, tag, digest });
});
