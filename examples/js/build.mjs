// build.mjs SOURCE WIT OUT: makes a component of a JavaScript file with the default features of componentize-js.
import { componentize } from '@bytecodealliance/componentize-js';
import { readFile, writeFile } from 'node:fs/promises';

const [source, witPath, out] = process.argv.slice(2);
const { component } = await componentize(await readFile(source, 'utf8'), { witPath, worldName: 'command' });
await writeFile(out, component);
