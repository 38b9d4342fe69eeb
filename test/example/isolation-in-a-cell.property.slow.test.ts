/**
 * Isolation as a property, of two tenants in a second cell. Fewer sequences than in the default one: behind the route, everything
 * is the same code on the same migrations. The tests of the layers are not repeated, because they open a database by itself, and a
 * cell is one.
 */
import { useServerOfCell } from '../support/cells.js';
import { isolationProperty } from '../support/example-isolation-property.js';

isolationProperty(useServerOfCell(), 15);
