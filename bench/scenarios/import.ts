import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { BenchContext } from '../harness/bench-context.ts';
import { settled } from '../harness/disk.ts';
import { askMany, getRequest } from '../harness/questions.ts';
import type { Goal, Row, Scenario } from '../harness/scenario.ts';
import { short } from '../harness/statistics.ts';
import { type Uploaded, uploadFile } from '../load/detections/upload-file.ts';
import { randomViewports, type Viewport } from '../load/detections/viewports.ts';
import { type WigleFile, writeWigleFile } from '../load/detections/wigle-file.ts';

const device = 'pi-drive';
const daySeconds = 86_400;

/** A large file of a scanner, the same file again, and a map of what is in it. */
export const importFile: Scenario = {
  name: 'import',
  about: 'POST /api/imports of a WiGLE CSV with 1 M rows, twice, and the map over its detections',
  async run(context) {
    const folder = context.folder('import');
    const path = join(folder, 'drives.csv');
    const start = Math.floor(Date.now() / 1000) - 100 * daySeconds;
    const file = writeWigleFile(path, { ...context.sizes.imports, start });
    context.say(`  ${short(file.rows)} rows, ${Math.round(statSync(path).size / 2 ** 20)} MB`);
    const rows = await context.withPisync(
      'import and map',
      folder,
      async ({ url }) => {
        const first = await upload(context, url, path);
        await settled(folder, context.options.quick ? 1000 : 5000);
        const map = await askMap(context, url);
        const again = await upload(context, url, path);
        return [...importRows(context, file, first, again), ...map];
      },
      'telemetry and detections',
    );
    context.removeFolder(folder);
    return rows;
  },
};

async function upload(context: BenchContext, url: string, path: string): Promise<Uploaded> {
  const result = await uploadFile(url, path, device);
  const { seconds, ...counts } = result;
  context.say(`  ${short(context.sizes.imports.rows / seconds)} rows/s: ${JSON.stringify(counts)}`);
  return result;
}

function importRows(context: BenchContext, file: WigleFile, first: Uploaded, again: Uploaded): Row[] {
  context.details['import'] = { file, first, again };
  const good = file.rows - file.broken;
  if (first.stored !== good || first.rejected !== file.broken)
    throw new Error(`${JSON.stringify(first)} instead of ${good} stored and ${file.broken} rejected`);
  const label = `import of a WiGLE CSV of ${short(file.rows)} rows`;
  return [
    {
      id: 'import_rows',
      label,
      value: file.rows / first.seconds,
      unit: 'rows/s',
      goal: { better: 'higher', atLeast: 150_000, aim: 300_000 },
      note: `${first.stored} stored, ${first.rejected} broken rows rejected`,
    },
    {
      id: 'import_again_stored',
      label: `${label}, once more: stored again`,
      value: again.stored + again.conflict,
      unit: '',
      goal: { better: 'lower', atLeast: 0, aim: 0 },
      note: `${again.duplicate} duplicates, ${short(file.rows / again.seconds)} rows/s`,
    },
  ];
}

/** Asks for each viewport once, in every way that a map asks. */
async function askMap(context: BenchContext, url: string): Promise<Row[]> {
  const { rows, networks, viewports: count } = context.sizes.imports;
  const viewports = randomViewports(count, networks);
  const goal: Goal = { better: 'lower', atLeast: 50, aim: 10 };
  const path = (route: string, { box, zoom }: Viewport): string => `${route}?box=${box}&zoom=${zoom}`;
  const views: readonly { id: string; label: string; path(viewport: Viewport): string }[] = [
    { id: 'grid', label: 'heat map', path: (it) => path('/api/detections/grid', it) },
    { id: 'clusters', label: 'clusters', path: (it) => path('/api/detections/clusters', it) },
    { id: 'networks', label: 'heat map of networks', path: (it) => path('/api/networks/grid', it) },
    { id: 'list', label: 'newest 100 of a box', path: ({ box }) => `/api/detections?box=${box}&limit=100` },
  ];
  const found: Row[] = [];
  for (const view of views) {
    let next = 0;
    const question = {
      id: `map_${view.id}`,
      label: `${view.label} at ${short(rows)} detections, ${count} viewports of zoom 6 to 18`,
      goal,
      // Every part of the map is around something that was heard.
      leastBytes: 100,
      request: () => getRequest(view.path(viewports[next++ % count]!)),
    };
    found.push(await askMany(context, question, { url, connections: 1, requests: count }));
  }
  return found;
}
