/** The property of isolation.property.test.ts, with both tenants in schemas of their own. */
import { testIsolation } from '../support/example-isolation-run.js';
import { placeExisting } from '../support/own-schemas.js';

testIsolation(async (database) => ({
  acme: await placeExisting(database, 'acme'),
  globex: await placeExisting(database, 'globex'),
}));
