export { convolve } from '../../../shared/assembly/convolve';
export { rectify, sigmoid } from './activations';
export { multiplyVector } from './multiply-vector';
export { placeRows } from './place-rows';
