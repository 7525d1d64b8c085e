/**
 * Emits `packages/<name>/dist` for publishing: JavaScript, declarations and maps that carry their sources.
 *
 * The compiler rewrites `./x.ts` to `./x.js` in imports of JavaScript only. The same is done here for declarations
 * and for files that are named at run time, `new URL('./x.ts', import.meta.url)` and `import.meta.resolve('./x.ts')`,
 * so that sources name a worker's file as it is; each such file must exist in `dist`.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '..');

/** In the order in which they need each other. */
const packages = ['protocol', 'server'] as const;

const runtimeName = /(new URL\(\s*|import\.meta\.resolve\(\s*)(['"`])(\.{1,2}\/[^'"`]+)\.ts\2/g;
const declaredName = /(\bfrom\s+|\bimport\(\s*|\bimport\s+)(['"])(\.{1,2}\/[^'"]+)\.ts\2/g;

function compile(folder: string): void {
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  const run = spawnSync(process.execPath, [tsc, '--project', 'tsconfig.build.json'], {
    cwd: folder,
    stdio: 'inherit',
  });
  if (run.status !== 0) throw new Error(`tsc failed in ${relative(root, folder)}`);
}

/**
 * Turns names of TypeScript files into names of what was emitted for them.
 *
 * @param file - the emitted file, of which `text` is the content
 * @throws {Error} where a file that is named at run time was not emitted
 */
export function rewriteNames(file: string, text: string): string {
  if (file.endsWith('.d.ts')) return text.replace(declaredName, '$1$2$3.js$2');
  return text.replace(runtimeName, (_, call: string, quote: string, name: string) => {
    const target = join(dirname(file), `${name}.js`);
    if (!existsSync(target))
      throw new Error(`${relative(root, file)} names ${name}.ts, which was not emitted`);
    return `${call}${quote}${name}.js${quote}`;
  });
}

/** Everything in `src` that is not TypeScript is needed as it is. */
function copyAssets(folder: string): void {
  for (const file of globSync('**/*', { cwd: join(folder, 'src'), withFileTypes: true })) {
    if (!file.isFile() || file.name.endsWith('.ts')) continue;
    const from = join(file.parentPath, file.name);
    const to = join(folder, 'dist', relative(join(folder, 'src'), from));
    mkdirSync(dirname(to), { recursive: true });
    cpSync(from, to);
  }
}

/** Builds all packages anew; what was in `dist` before is gone. */
export function build(): void {
  for (const name of packages) rmSync(join(root, 'packages', name, 'dist'), { recursive: true, force: true });
  for (const name of packages) {
    const folder = join(root, 'packages', name);
    compile(folder);
    for (const file of globSync('dist/**/*.{js,d.ts}', { cwd: folder })) {
      const path = join(folder, file);
      const text = readFileSync(path, 'utf8');
      const rewritten = rewriteNames(path, text);
      if (rewritten !== text) writeFileSync(path, rewritten);
    }
    copyAssets(folder);
  }
}

if (import.meta.main) build();
