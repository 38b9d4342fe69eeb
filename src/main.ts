/** Starts the server. Where Node can, it keeps the compiled code of the bundle beside it, for the next start. */
import { existsSync } from 'node:fs';
import module from 'node:module';
import { fileURLToPath } from 'node:url';

/** Node 20 has no such cache. */
interface CompileCache {
  readonly enableCompileCache?: (folder: string) => unknown;
  readonly flushCompileCache?: () => void;
  readonly isBuiltin: unknown;
}

/** After this time of serving, V8 still has the code that the start needed. */
const KEPT_AFTER_MS = 10_000;

const { enableCompileCache, flushCompileCache }: CompileCache = module;
// Only of the bundle: nothing is written into the sources.
if (existsSync(new URL('bundle', import.meta.url))) {
  // Not in the default folder, that of temporary files: other users of the machine could put code there.
  enableCompileCache?.(fileURLToPath(new URL('.compiled', import.meta.url)));
  setTimeout(() => flushCompileCache?.(), KEPT_AFTER_MS).unref();
}

const { serve } = await import('./serve.js');
await serve();
