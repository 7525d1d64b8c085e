import { move } from './move-harness.ts';

/*
 * A process that moves a store and is killed when it tells its progress for the given time: `node move-process.ts FROM TO TIMES`.
 */
const [from, to, times] = process.argv.slice(2) as [string, string, string];
let left = Number(times);
await move(from, to, {
  onProgress: () => {
    left -= 1;
    if (left === 0) process.kill(process.pid, 'SIGKILL');
  },
});
