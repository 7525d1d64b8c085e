import { execFileSync } from 'node:child_process';

/** Files that git tracks or would track, without those that were deleted; relative to `root`. */
export function listFiles(root: string): readonly string[] {
  const list = (...flags: string[]): string[] =>
    execFileSync('git', ['ls-files', '-z', ...flags], { cwd: root, encoding: 'utf8' })
      .split('\0')
      .filter(Boolean);
  const deleted = new Set(list('--deleted'));
  return [...new Set(list('--cached', '--others', '--exclude-standard'))].filter(
    (path) => !deleted.has(path),
  );
}
