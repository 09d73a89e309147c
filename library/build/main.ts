import { buildPackage } from './build.ts';

/** `pnpm build` makes the package in dist/. */
await buildPackage();
console.log('portcullis: the package is in dist/; npm pack ./dist packs it');
