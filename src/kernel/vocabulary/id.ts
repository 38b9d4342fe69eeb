const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Whether `id` has the form of an id: all ids are UUIDs. */
export const isId = (id: string): boolean => UUID.test(id);
