/** Isolation as a property, of two tenants in the default cell. */
import { isolationProperty } from '../support/example-isolation-property.js';
import { useServer } from '../support/server.js';

isolationProperty(useServer(), 45);
