/** The property of isolation.property.test.ts, with a tenant in a schema of its own beside one that is in the tables of all. */
import { testIsolation } from '../support/example-isolation-run.js';
import { placeExisting } from '../support/own-schemas.js';

testIsolation(async (database) => ({ acme: await placeExisting(database, 'acme'), globex: 'public' }));
