// A JavaScript guest: greets, tells its arguments, answers each line of its input, and ends with the code it is told.
import { getArguments } from 'wasi:cli/environment@0.2.12';
import { exitWithCode } from 'wasi:cli/exit@0.2.12';
import { getStdin } from 'wasi:cli/stdin@0.2.12';

function readAll(stream) {
  const decoder = new TextDecoder();
  let text = '';
  for (;;) {
    try {
      text += decoder.decode(stream.blockingRead(65536n), { stream: true });
    } catch (error) {
      if (error.payload?.tag === 'closed') return text + decoder.decode();
      throw error;
    }
  }
}

export const run = {
  async run() {
    const [name, ...args] = getArguments();
    console.log(`Hello from ${name}, in JavaScript.`);
    for (const arg of args) console.log(`argument: ${arg}`);
    if (args[0] === 'lines')
      for (const line of readAll(getStdin()).split('\n').filter(Boolean)) console.log(`line: ${line}`);
    if (args[0] === 'exit') exitWithCode(Number(args[1]));
    if (args[0] === 'fetch') await fetch(args[1]).catch((error) => console.log(`fetch: ${error.message}`));
    if (args[0] === 'throw') throw new Error('as told');
  },
};
