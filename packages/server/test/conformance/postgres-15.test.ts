import { test } from 'node:test';
import { debianInstallation, PostgresServer } from '../postgres/postgres-server.ts';
import { postgresSuite } from './postgres-suite.ts';

const installation = debianInstallation();
if (installation === undefined) {
  test('store conformance: postgres 15', { skip: 'not run here: PostgreSQL 15 of Debian is not installed' });
} else {
  postgresSuite(
    'postgres 15',
    async () => {
      const server = await PostgresServer.start(installation);
      return {
        createPlace: () => server.createDatabase(),
        removePlace: (url) => server.dropDatabase(url),
        stop: () => server.stop(),
      };
    },
    5,
  );
}
