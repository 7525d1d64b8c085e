import { statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Config } from '../../config/schema.ts';
import { storePath } from '../../config/store-place.ts';
import type { Finding } from '../../ports/store.ts';
import { byteSize } from '../readable.ts';

/** Below this a store soon stops taking writes. */
const tightBytes = 1024 ** 3;
const emptyBytes = 64 * 1024 ** 2;

/** What can be told without a server: the Node that runs, and, with a configuration, the room where its store lies. */
export function checkSurroundings(config: Config | undefined): readonly Finding[] {
  const node: Finding = {
    severity: 'ok',
    check: 'node',
    detail: `Node ${process.version} on ${process.platform} ${process.arch}`,
  };
  const path = config === undefined ? null : storePath(config.store);
  return path === null ? [node] : [node, diskFinding(path)];
}

function diskFinding(path: string): Finding {
  const folder = existingFolder(path);
  const { bavail, bsize } = statfsSync(folder);
  const free = bavail * bsize;
  const severity = free < emptyBytes ? 'error' : free < tightBytes ? 'warning' : 'ok';
  const advice = severity === 'ok' ? '' : ': make room, or the store stops taking events';
  return { severity, check: 'disk', detail: `${byteSize(free)} free in ${folder}${advice}` };
}

/** The folder itself may not exist before the first start. */
function existingFolder(path: string): string {
  let folder = dirname(path);
  for (;;) {
    try {
      statfsSync(folder);
      return folder;
    } catch (error) {
      if (dirname(folder) === folder) throw error;
      folder = dirname(folder);
    }
  }
}
