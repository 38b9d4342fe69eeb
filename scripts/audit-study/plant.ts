export async function plant(..._: unknown[]): Promise<void> {}
