import { afterEach, expect, it, vi } from 'vitest';
import { terminalLog } from '../../../shared/terminal/terminal-log.ts';

afterEach(() => vi.restoreAllMocks());

it('shows a stack in lines of its own below what failed', () => {
  const printed: unknown[] = [];
  vi.spyOn(console, 'error').mockImplementation((line) => void printed.push(line));

  terminalLog({ isJson: false, isVerbose: false }).warn('failed', { error: 'a\nb', stack: '    at a\n    at \u001bb' });

  expect(printed).toEqual(['failed error=a b\n    at a\n    at  b']);
});
