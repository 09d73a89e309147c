// Screens a file in the page: npx vite build, then serve dist/ with the bundle's folder beside it as model/.
import { createScreener, fetchBundle } from 'portcullis/browser';

const input = document.querySelector('input');
const output = document.querySelector('output');

const opening = fetchBundle('model/').then((bundle) => createScreener(bundle));
opening.then(
  () => {
    output.value = 'ready';
  },
  (error) => {
    output.value = error.message;
  },
);

input.addEventListener('change', async () => {
  const screener = await opening;
  const result = await screener.screen(input.files[0]);
  output.value = result.verdict === 'accepted' ? `accepted as ${result.label}` : `${result.verdict}: ${result.reason ?? result.detail}`;
});
