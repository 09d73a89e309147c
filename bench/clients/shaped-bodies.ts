import type { Route, Told } from './route.ts';

/** A form as a client that is not here writes it. */
interface Shape {
  client: string;
  contentType: string;
  /** Lines of the part's header. */
  part: string[];
  boundary: string;
  /** Before the first boundary. */
  before?: string;
}

/** From their sources: how each names its boundary, quotes, orders a part's header, and what it says of an encoding. */
const SHAPES: Shape[] = [
  {
    client: '.NET HttpClient-shaped',
    boundary: '7427efb8-6ce7-4740-9198-d90399842641',
    contentType: 'multipart/form-data; boundary="7427efb8-6ce7-4740-9198-d90399842641"',
    part: ["Content-Disposition: form-data; name=image; filename=digit.png; filename*=utf-8''digit.png"],
  },
  {
    client: '.NET HttpClient-shaped, with a type',
    boundary: '0b9a6ad4-0c5f-4a3f-9c7b-6a2f5a1d9d5e',
    contentType: 'multipart/form-data; boundary="0b9a6ad4-0c5f-4a3f-9c7b-6a2f5a1d9d5e"',
    part: ['Content-Type: image/png', "Content-Disposition: form-data; name=image; filename=digit.png; filename*=utf-8''digit.png"],
  },
  {
    client: 'Firefox-shaped',
    boundary: '----geckoformboundary7a1c0e2b3d4f5a6978',
    contentType: 'multipart/form-data; boundary=----geckoformboundary7a1c0e2b3d4f5a6978',
    part: ['Content-Disposition: form-data; name="image"; filename="digit.png"', 'Content-Type: image/png'],
  },
  {
    client: 'Safari-shaped',
    boundary: '----WebKitFormBoundaryePkpFF7tjBAqx29L',
    contentType: 'multipart/form-data; boundary=----WebKitFormBoundaryePkpFF7tjBAqx29L',
    part: ['Content-Disposition: form-data; name="image"; filename="digit.png"', 'Content-Type: image/png'],
  },
  {
    client: 'Bun-shaped',
    boundary: '-WebkitFormBoundary0123456789abcdef0123456789abcdef',
    contentType: 'multipart/form-data; boundary="-WebkitFormBoundary0123456789abcdef0123456789abcdef"',
    part: ['Content-Disposition: form-data; name="image"; filename="digit.png"', 'Content-Type: image/png'],
  },
  {
    client: 'Dart http-shaped',
    boundary: 'dart-http-boundary-jM_2Z+X1bQpB5.Yp0a3R',
    contentType: 'multipart/form-data; boundary=dart-http-boundary-jM_2Z+X1bQpB5.Yp0a3R',
    part: ['content-type: image/png', 'content-disposition: form-data; name="image"; filename="digit.png"'],
  },
  {
    client: 'OkHttp-shaped',
    boundary: '3f2a9c1e-5b7d-4c8e-9a1f-0d6b2e4c8a71',
    contentType: 'multipart/form-data; boundary=3f2a9c1e-5b7d-4c8e-9a1f-0d6b2e4c8a71',
    part: ['Content-Disposition: form-data; name="image"; filename="digit.png"', 'Content-Type: image/png', 'Content-Length: LENGTH'],
  },
  {
    client: 'Apache HttpClient-shaped',
    boundary: 'httpclient_boundary_5c1b8a6e-7f0d-4d6e-8b3a-1f2e3d4c5b6a',
    contentType: 'multipart/form-data; boundary=httpclient_boundary_5c1b8a6e-7f0d-4d6e-8b3a-1f2e3d4c5b6a; charset=ISO-8859-1',
    part: [
      'Content-Disposition: form-data; name="image"; filename="digit.png"',
      'Content-Type: image/png',
      'Content-Transfer-Encoding: binary',
    ],
  },
  {
    client: 'request (Node)-shaped, CRLF first',
    boundary: '--------------------------104857600123456789012345',
    contentType: 'multipart/form-data; boundary=--------------------------104857600123456789012345',
    part: ['Content-Disposition: form-data; name="image"; filename="digit.png"', 'Content-Type: image/png'],
    before: '\r\n',
  },
];

/** Sends forms in the shapes of clients that can't be run here. */
export async function byShapes(image: Uint8Array, routes: readonly Route[]): Promise<Told[]> {
  const told: Told[] = [];
  for (const { client, contentType, part, boundary, before = '' } of SHAPES)
    for (const { route, url } of routes.filter(({ kind }) => kind === 'form')) {
      const head = part.map((line) => line.replace('LENGTH', String(image.length))).join('\r\n');
      const body = Buffer.concat([Buffer.from(`${before}--${boundary}\r\n${head}\r\n\r\n`), image, Buffer.from(`\r\n--${boundary}--\r\n`)]);
      const answer = await fetch(url, { method: 'POST', body, headers: { 'Content-Type': contentType } });
      told.push({ client, route, status: answer.status, said: await answer.text() });
    }
  return told;
}
