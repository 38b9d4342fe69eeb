/**
 * Starts Tenantry without the gate in front of the pool, to see what it is good for. Transactions then wait in the one
 * queue of the pool.
 */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { fromTenantry, TENANTRY_ROOT } from './places.js';

type Gate = typeof import('../../src/kernel/pool/fair-gate.js');
type Server = typeof import('../../src/serve.js');

const { FairGate } = await fromTenantry<Gate>('fair-gate.js');
FairGate.prototype.admit = () => () => undefined;
FairGate.prototype.isOverloaded = () => false;

// The one that is not in a bundle, because a bundle has a gate of its own.
const { serve } = (await import(pathToFileURL(join(TENANTRY_ROOT, 'dist/serve.js')).href)) as Server;
await serve();
