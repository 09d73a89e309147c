/** What of a URL belongs to the protocol: everything before, the model's name. */
const INFER = /^(.*)\/v2\/models\/([^/]+)(?:\/versions\/[^/]+)?\/infer\/?$/;

/** The model's name in the URL of an inference request (Open Inference Protocol v2); null where it is another URL. */
export function modelOfUrl(url: string): string | null {
  const name = URL.canParse(url) ? INFER.exec(new URL(url).pathname)?.[2] : undefined;
  return name ?? null;
}

/**
 * The URL of something of the classifier's model.
 *
 * @param upstream UPSTREAM_URL: where inference requests go, or the server's root
 * @param model the classifier's name
 * @param path below the model, such as `/infer`, `/ready`, `/versions/2/infer`; empty for its metadata
 */
export function modelUrl(upstream: string, model: string, path: string): URL {
  const url = new URL(upstream);
  const [, root, name] = INFER.exec(url.pathname) ?? [undefined, url.pathname.replace(/\/(v2\/?)?$/, ''), encodeURIComponent(model)];
  url.pathname = `${root}/v2/models/${name}${path}`;
  return url;
}
