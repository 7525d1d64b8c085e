/**
 * What people write in a weekend when the fleet has a database server: Express, a pool, one insert per request with the key that
 * keeps repetitions out. Usage: node bench/rivals/express-postgres.ts PORT POSTGRES_URL
 */
import express, { type Request, type Response } from 'express';
import pg from 'pg';

const port = Number(process.argv[2] ?? 0);
const pool = new pg.Pool({ connectionString: process.argv[3], max: 20 });

await pool.query(`
  CREATE TABLE IF NOT EXISTS sync_events (
    device_id text NOT NULL,
    epoch text NOT NULL,
    seq bigint NOT NULL,
    timestamp timestamptz NOT NULL,
    total_files_synced bigint NOT NULL,
    total_errors bigint NOT NULL,
    internet_speed double precision,
    received_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (device_id, epoch, seq)
  )`);

const insert = `
  INSERT INTO sync_events (device_id, epoch, seq, timestamp, total_files_synced, total_errors, internet_speed)
  VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING`;

interface Body {
  device_id: string;
  epoch: string;
  seq: number;
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
app.post('/api/sync-event', async (request: Request, response: Response) => {
  const event = request.body as Body;
  const { rowCount } = await pool.query(insert, [
    event.device_id,
    event.epoch,
    event.seq,
    event.timestamp,
    event.total_files_synced,
    event.total_errors,
    event.internet_speed,
  ]);
  const stored = rowCount === 1;
  response
    .status(stored ? 201 : 200)
    .json({ result: stored ? 'stored' : 'duplicate', device_id: event.device_id });
});
app.listen(port, '127.0.0.1');
