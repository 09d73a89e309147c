export { convolve } from './convolve';
export { convolveThin } from './convolve-thin';
export { correlate } from './correlate';
export { correlateThin } from './correlate-thin';
export { packPanels, unpackPanels } from './pack-panels';
export { padImages } from './pad-images';
