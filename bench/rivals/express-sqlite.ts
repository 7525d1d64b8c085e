/**
 * What people write in a weekend: Express, one SQLite insert per request, durable, with the two indexes that the
 * queries want. Usage: node bench/rivals/express-sqlite.ts PORT DATABASE_FILE
 */
import { DatabaseSync } from 'node:sqlite';
import express, { type Request, type Response } from 'express';

const port = Number(process.argv[2] ?? 0);
const database = new DatabaseSync(process.argv[3] ?? ':memory:');

database.exec(`
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = FULL;
  CREATE TABLE IF NOT EXISTS sync_events (
    id INTEGER PRIMARY KEY,
    device_id TEXT NOT NULL,
    timestamp TEXT NOT NULL,
    total_files_synced INTEGER NOT NULL,
    total_errors INTEGER NOT NULL,
    internet_speed REAL,
    received_at TEXT NOT NULL
  );
  CREATE INDEX IF NOT EXISTS by_device ON sync_events (device_id, timestamp);
  CREATE INDEX IF NOT EXISTS by_errors ON sync_events (total_errors);
`);

const insert = database.prepare(`
  INSERT INTO sync_events (device_id, timestamp, total_files_synced, total_errors, internet_speed, received_at)
  VALUES (?, ?, ?, ?, ?, ?)
`);

interface Body {
  device_id: string;
  timestamp: string;
  total_files_synced: number;
  total_errors: number;
  internet_speed: number | null;
}

const app = express();
app.use(express.json());
app.get('/', (_request: Request, response: Response) => {
  response.send('ready');
});
app.post('/api/sync-event', (request: Request, response: Response) => {
  const event = request.body as Body;
  const { lastInsertRowid } = insert.run(
    event.device_id,
    event.timestamp,
    event.total_files_synced,
    event.total_errors,
    event.internet_speed,
    new Date().toISOString(),
  );
  response.status(201).json({ id: Number(lastInsertRowid), device_id: event.device_id });
});
app.listen(port, '127.0.0.1');
