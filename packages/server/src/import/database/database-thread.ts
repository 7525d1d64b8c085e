import { once } from 'node:events';
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { type ImportContext, type ImportItem, rowProblem } from '../import-item.ts';
import { UnknownFormat } from '../unknown-format.ts';
import { readKismetDb } from './kismet-db.ts';
import { readPiwardriveDb } from './piwardrive-db.ts';
import type { DatabaseAnswer, DatabaseOrder } from './read-database.ts';
import { SqliteFile } from './sqlite-file.ts';

/** Items of one message. */
const listItems = 256;

/** Lists that may be under way. */
const maxAhead = 3;

const port = parentPort as MessagePort;
let ahead = 0;
port.on('message', () => {
  ahead -= 1;
});

const { path, context } = workerData as DatabaseOrder;
try {
  let items: ImportItem[] = [];
  for await (const item of itemsOf(path, context)) {
    items.push(item);
    if (items.length < listItems) continue;
    tell({ items });
    items = [];
    ahead += 1;
    while (ahead >= maxAhead) await once(port, 'message');
  }
  tell({ items });
  tell({ end: true });
} catch (error) {
  if (!(error instanceof UnknownFormat)) throw error;
  tell({ unknownFormat: error.message });
}
port.close();

function tell(answer: DatabaseAnswer): void {
  port.postMessage(answer);
}

async function* itemsOf(file: string, own: ImportContext): AsyncGenerator<ImportItem> {
  let line = 0;
  let database: SqliteFile | undefined;
  try {
    database = new SqliteFile(file);
    for await (const item of readerOf(database)(database, own)) {
      line = item.line;
      yield item;
    }
  } catch (error) {
    // Damage inside a database is damage of the file, like a row cut in half.
    if ((error as NodeJS.ErrnoException).code !== 'ERR_SQLITE_ERROR') throw error;
    const detail = `the database is damaged behind this row: ${(error as Error).message.slice(0, 200)}`;
    yield rowProblem(line + 1, 'invalid_item', null, detail, '', own);
  } finally {
    database?.close();
  }
}

function readerOf(file: SqliteFile): typeof readKismetDb {
  if (file.columns('KISMET').has('db_version')) return readKismetDb;
  const own = ['wifi_detections', 'bluetooth_detections', 'cellular_detections', 'gps_tracks', 'ap_cache'];
  if (own.some((table) => file.columns(table).size > 0)) return readPiwardriveDb;
  throw new UnknownFormat('the database is neither a Kismet log nor one of PiWardrive');
}
