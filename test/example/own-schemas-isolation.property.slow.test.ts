/** Isolation as a property, of two tenants in schemas of their own. */
import { isolationProperty } from '../support/example-isolation-property.js';
import { useServerOfSchemas } from '../support/own-schemas.js';

isolationProperty(useServerOfSchemas(['acme', 'globex']), 15);
