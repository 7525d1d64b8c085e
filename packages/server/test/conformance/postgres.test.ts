import { PostgresServer } from '../postgres/postgres-server.ts';
import { postgresSuite } from './postgres-suite.ts';

postgresSuite(
  'postgres 18',
  async () => {
    const server = await PostgresServer.start();
    return {
      createPlace: () => server.createDatabase(),
      removePlace: (url) => server.dropDatabase(url),
      stop: () => server.stop(),
    };
  },
  20,
);
