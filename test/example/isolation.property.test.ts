/**
 * Isolation as a property: whatever sequence of requests the users of two tenants send, each tenant is answered as if
 * the other did not exist. The sequences are random; their ids, cursors, user ids and search texts are those of both
 * tenants or do not exist. Each answer is compared with a model of one tenant. An answer about a row of the other
 * tenant must be equal, byte for byte, to that about a row that does not exist, with the same statements. No answer to
 * one tenant may contain the canaries that all texts of the other contain.
 */
import { testIsolation } from '../support/example-isolation-run.js';

testIsolation(() => Promise.resolve({ acme: 'public', globex: 'public' }));
