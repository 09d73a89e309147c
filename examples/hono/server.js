// An app of your own whose classifier sees accepted images only: PORT=3000 BUNDLE=models/mnist node server.js
import { serve } from '@hono/node-server';
import { Hono } from 'hono';
import { screening } from 'portcullis/hono';
import { openBundle } from 'portcullis/node';

const app = new Hono();

app.post('/classify', screening({ bundle: openBundle(process.env.BUNDLE) }), async (c) => {
  const { images } = c.var.screening;
  // Here your classifier would read the images.
  const { byteLength } = await c.req.arrayBuffer();
  return c.json({ classes: images.map(({ result }) => result.label), byteLength });
});

serve({ fetch: app.fetch, hostname: '127.0.0.1', port: Number(process.env.PORT) }, ({ port }) => {
  console.log(`listening on http://127.0.0.1:${port}`);
});
