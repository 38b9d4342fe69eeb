/** `npm run example -- react-apollo` builds an example and serves it at http://localhost:3000. */
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { buildExample, EXAMPLES, PAGE } from './example/build.js';

const PORT = 3000;

const example = EXAMPLES.find((each) => each === process.argv[2]);
if (!example) {
  console.error(`Say which one: ${EXAMPLES.join(', ')}.`);
  process.exit(2);
}
const [script, page] = await Promise.all([buildExample(example), readFile(PAGE)]);
createServer(({ url }, response) => {
  if (url === '/main.js') response.setHeader('content-type', 'text/javascript').end(script);
  else response.setHeader('content-type', 'text/html').end(page);
}).listen(PORT, 'localhost', () => {
  console.log(
    `${example}: http://localhost:${PORT}. The API has to be started with CORS_ORIGINS=http://localhost:${PORT}.`,
  );
});
