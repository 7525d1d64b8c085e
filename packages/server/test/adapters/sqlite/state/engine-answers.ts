import { identityKind, type Observation } from '@pisync/protocol';
