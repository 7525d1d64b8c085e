import { resolve } from 'node:path';

/**
 * The file that a `sqlite:` URL names, as an absolute path; null for a store without a file.
 * `sqlite:./data/a.db` is relative to the working folder, `sqlite:/var/a.db` and `sqlite:///var/a.db` are absolute.
 */
export function storePath(url: string): string | null {
  if (!url.startsWith('sqlite:')) return null;
  return resolve(url.slice('sqlite:'.length));
}
