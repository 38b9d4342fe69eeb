/** Isolation as a property, of a tenant in a schema of its own beside one that is in the tables of all. */
import { isolationProperty } from '../support/example-isolation-property.js';
import { useServerOfSchemas } from '../support/own-schemas.js';

isolationProperty(useServerOfSchemas(['acme']), 15);
