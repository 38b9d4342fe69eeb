/** Follows the file that a server writes its log to. */
import { open, stat } from 'node:fs/promises';

/** @returns what has been written since it was last asked; at first, since now. @throws Error when there is no such file */
export async function followLog(file: string): Promise<() => Promise<string>> {
  let read = (await stat(file)).size;
  return async () => {
    const handle = await open(file);
    try {
      const { size } = await handle.stat();
      // Begun anew: it was rotated.
      if (size < read) read = 0;
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(size - read), 0, size - read, read);
      read += bytesRead;
      return buffer.toString('utf8', 0, bytesRead);
    } finally {
      await handle.close();
    }
  };
}
