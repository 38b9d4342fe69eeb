import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** The bytes in use after a garbage collection. */
export function heapInUse(): number {
  for (let n = 0; n < 4; n++) collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** The number of bytes by which `work` grows the heap. */
export async function growthBy(work: () => unknown): Promise<number> {
  const before = heapInUse();
  await work();
  return heapInUse() - before;
}
