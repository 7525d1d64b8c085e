import type { DetectionStore } from '../../../../ports/detection-store.ts';
import type { Session } from '../connection/session.ts';
import { listChanges } from './changed-networks.ts';
import { listDetections } from './detection-list.ts';
import { detectionGrid, networkGrid } from './map-grid.ts';
import { listNamesakes } from './namesakes.ts';
import { findNetwork, listNetworks } from './network-list.ts';

type Read = <T>(question: (session: Session) => Promise<T>) => Promise<T>;

/**
 * Questions about detections and networks, each answered from one state of the database. Whatever the database judges as
 * JavaScript does is left to it; the rest is finished over its answer, piece by piece.
 */
export function detectionReads(read: Read): DetectionStore {
  return {
    list: (query) => read((session) => listDetections(session, query)),
    grid: (query) => read((session) => detectionGrid(session, query)),
    networks: (query) => read((session) => listNetworks(session, query)),
    network: (key) => read((session) => findNetwork(session, key)),
    networkGrid: (query) => read((session) => networkGrid(session, query)),
    changes: (query) => read((session) => listChanges(session, query)),
    namesakes: (query) => read((session) => listNamesakes(session, query)),
  };
}
