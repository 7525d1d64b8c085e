/** - `policy`: what an operator declared otherwise than it is by default; see policies.ts. */
export const policyTables: readonly string[] = [
  `CREATE TABLE policy (
    name text PRIMARY KEY,
    value text NOT NULL
  )`,
];
