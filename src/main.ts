/** Starts the server. Where Node can, it keeps the compiled code beside the server, for the next start. */
import module from 'node:module';
import { fileURLToPath } from 'node:url';

/** Node 20 has no such cache. */
const { enableCompileCache }: { enableCompileCache?: (folder: string) => unknown; isBuiltin: unknown } =
  module;
// Not in the default folder, that of temporary files: other users of the machine could put code there.
enableCompileCache?.(fileURLToPath(new URL('.compiled', import.meta.url)));

await import('./serve.js');
