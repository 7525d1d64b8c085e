/**
 * Builds, stages `build/pisync` as it is published, packs it and prints the path of the tarball.
 *
 * The published package carries `@pisync/protocol` inside, so that one name is all that a user installs.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { build } from './build.ts';

const root = resolve(import.meta.dirname, '..');
const stage = join(root, 'build/pisync');

/** The fields of package.json that are read or changed here. */
interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly exports: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly [field: string]: unknown;
}

function readManifest(name: string): Manifest {
  return JSON.parse(readFileSync(join(root, 'packages', name, 'package.json'), 'utf8')) as Manifest;
}

/** The sources stay behind, so nothing may lead to them. */
function withoutSource(manifest: Manifest): Manifest {
  const exports = Object.fromEntries(
    Object.entries(manifest.exports).map(([path, { source: _, ...conditions }]) => [path, conditions]),
  );
  return { ...manifest, exports };
}

function writeManifest(folder: string, manifest: Manifest): void {
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
}

/** Lays out what is published; `dist` must be built. */
function fillStage(): void {
  rmSync(stage, { recursive: true, force: true });
  const inside = join(stage, 'node_modules/@pisync/protocol');
  mkdirSync(inside, { recursive: true });
  const protocol = withoutSource(readManifest('protocol'));
  const server = withoutSource(readManifest('server'));
  writeManifest(inside, protocol);
  cpSync(join(root, 'packages/protocol/dist'), join(inside, 'dist'), { recursive: true });
  // What the protocol needs is installed beside it: a bundled package brings only itself.
  const dependencies = Object.entries({ ...server.dependencies, ...protocol.dependencies });
  dependencies.sort(([one], [other]) => (one < other ? -1 : 1));
  writeManifest(stage, {
    ...server,
    dependencies: Object.fromEntries(dependencies),
    bundleDependencies: [protocol.name],
  });
  for (const part of ['bin', 'dist']) {
    cpSync(join(root, 'packages/server', part), join(stage, part), { recursive: true });
  }
  for (const document of ['README.md', 'LICENSE', 'CHANGELOG.md']) {
    if (existsSync(join(root, document))) cpSync(join(root, document), join(stage, document));
  }
}

/**
 * Makes the tarball.
 *
 * @returns its absolute path
 */
export function pack(): string {
  build();
  fillStage();
  const { version } = readManifest('server');
  // What npm prints goes to the error output: the path alone is the result.
  execFileSync('npm', ['pack', '--pack-destination', join(root, 'build')], {
    cwd: stage,
    stdio: ['ignore', 2, 2],
  });
  return join(root, 'build', `pisync-${version}.tgz`);
}

if (import.meta.main) process.stdout.write(`${pack()}\n`);
