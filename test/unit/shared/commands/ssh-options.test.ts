// The options of ssh: what several programs take for granted.
import { expect, test } from 'vitest';
import { DEFAULT_RESUME_WINDOW, DEFAULT_RESUME_WINDOW_MS } from '#shared/commands/ssh-options.ts';
import { parseDuration } from '#shared/time/duration.ts';

test('the window that wsproxy takes for granted is that of the agent', () => {
  expect(parseDuration(DEFAULT_RESUME_WINDOW)).toEqual({ kind: 'duration', ms: DEFAULT_RESUME_WINDOW_MS });
});
