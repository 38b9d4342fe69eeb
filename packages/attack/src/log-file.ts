/** Reads a server's log file continuously. */
import { open, stat } from 'node:fs/promises';

/** @returns a function for the text since its last call, or since now. @throws Error when there is no such file */
export async function followLog(file: string): Promise<() => Promise<string>> {
  let read = (await stat(file)).size;
  return async () => {
    const handle = await open(file);
    try {
      const { size } = await handle.stat();
      // The file was rotated.
      if (size < read) read = 0;
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(size - read), 0, size - read, read);
      read += bytesRead;
      return buffer.toString('utf8', 0, bytesRead);
    } finally {
      await handle.close();
    }
  };
}
