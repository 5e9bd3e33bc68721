/** Imported before a program, lets it find no native module: as on a platform that there is none for. */
import { register } from 'node:module';

const hooks = `export async function resolve(specifier, context, next) {
  if (specifier === 'fs-native-extensions') throw Object.assign(new Error('left out'), { code: 'ERR_MODULE_NOT_FOUND' });
  return next(specifier, context);
}`;

register(`data:text/javascript,${encodeURIComponent(hooks)}`);
