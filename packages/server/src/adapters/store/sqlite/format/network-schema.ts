/**
 * `network` has one row for each radio identity of one type; see {@link Radio}. `changed` is the ordinal of the newest detection that was
 * folded with the row's last change: whoever keeps rows in memory reads on from there. A network of which all detections have one name
 * and security has that variant in its row; once there are more, `split` is 1 and all of its variants are rows of `network_variant`,
 * where an empty text stands for none.
 */
export const NETWORK_SCHEMA = `CREATE TABLE network (
     id INTEGER PRIMARY KEY, radio ANY NOT NULL UNIQUE, name TEXT, security TEXT, channel INTEGER, frequency REAL,
     first_seen INTEGER NOT NULL, last_seen INTEGER NOT NULL, detections INTEGER NOT NULL,
     signal REAL, signal_at INTEGER, signal_lat REAL, signal_lon REAL,
     located INTEGER NOT NULL, weight REAL NOT NULL, x REAL NOT NULL, y REAL NOT NULL, z REAL NOT NULL,
     split INTEGER NOT NULL, changed INTEGER NOT NULL
   ) STRICT;
   CREATE INDEX network_changed ON network (changed);
   CREATE TABLE network_variant (
     network INTEGER NOT NULL, name TEXT NOT NULL, security TEXT NOT NULL, first_seen INTEGER NOT NULL,
     last_seen INTEGER NOT NULL, detections INTEGER NOT NULL, PRIMARY KEY (network, name, security)
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX network_variant_seen ON network_variant (first_seen);`;
