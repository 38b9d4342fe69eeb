import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Bytes that are in use, once everything is gone that nobody holds. */
export function heapInUse(): number {
  for (let n = 0; n < 4; n++) collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** By how many bytes the work lets the heap grow. */
export async function growthBy(work: () => unknown): Promise<number> {
  const before = heapInUse();
  await work();
  return heapInUse() - before;
}
