/** What the servers of tests verify tokens with. */
export const TEST_SECRET = 'jC5s7d2KqXv9Zb4TnWm8RpYeLgHf3AuQ';
