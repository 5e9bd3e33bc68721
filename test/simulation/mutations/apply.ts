/** Loaded first of all in a process that is to run with a mutation: the one named in the environment. */
import { register } from 'node:module';

register('./loader.js', { parentURL: import.meta.url, data: process.env['CACHETRAIL_MUTATION'] });
