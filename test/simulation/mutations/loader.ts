/** A loader of modules that gives the mutated text of those that a mutation changes. */
import type { InitializeHook, LoadHook } from 'node:module';
import { pathToFileURL } from 'node:url';
import { MUTATIONS } from './catalogue.js';
import { editedFiles } from './edits.js';

let files = new Map<string, string>();

export const initialize: InitializeHook<string> = (name) => {
  const mutation = MUTATIONS.find((one) => one.name === name);
  if (mutation === undefined) throw new Error(`there is no mutation that ${name}`);
  files = new Map([...editedFiles(mutation)].map(([file, text]) => [pathToFileURL(file).href, text]));
};

export const load: LoadHook = (url, context, nextLoad) => {
  const source = files.get(url);
  return source === undefined ? nextLoad(url, context) : { format: 'module', source, shortCircuit: true };
};
