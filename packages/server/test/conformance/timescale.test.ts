import { postgresSuite } from './postgres-suite.ts';
import { startTimescale } from './start-timescale.ts';

postgresSuite('timescale', startTimescale, 3);
