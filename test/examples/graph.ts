import { z } from 'zod';

const stepSchema = z.strictObject({
  name: z.string(),
  serviceUrl: z.url(),
  data: z.enum(['$request', '$response']),
  condition: z.string().optional(),
  dependency: z.enum(['Soft', 'Hard']),
});

/** The part of KServe's InferenceGraph (serving.kserve.io/v1alpha1) that the example uses. */
export const graphSchema = z.strictObject({
  apiVersion: z.literal('serving.kserve.io/v1alpha1'),
  kind: z.literal('InferenceGraph'),
  metadata: z.strictObject({ name: z.string() }),
  spec: z.strictObject({
    nodes: z.strictObject({ root: z.strictObject({ routerType: z.literal('Sequence'), steps: z.array(stepSchema).min(1) }) }),
  }),
});

/** The example's condition; with gjson it exists for one accepted image only. */
const ONE_ACCEPTED = 'outputs.#(name=="verdict")#|#(shape.0==1)#|#(data.0=="accepted")';

interface Outputs {
  outputs?: { name: string; shape: number[]; data: unknown[] }[];
}

/**
 * Routes a request through a Sequence as KServe's router does: a step whose condition finds nothing in the answer before it ends the graph
 * with that answer and 500, and so does a hard dependency that fails, with its own status.
 *
 * @param urls where each step's service is reached here, by the step's name
 */
export async function route(graph: z.infer<typeof graphSchema>, urls: Record<string, string>, request: string) {
  let [status, answer] = [500, ''];
  const visited: string[] = [];
  for (const { name, serviceUrl, data, condition, dependency } of graph.spec.nodes.root.steps) {
    if (condition !== undefined) {
      if (condition !== ONE_ACCEPTED) throw new Error(`${condition} is not known here`);
      const { outputs = [] } = JSON.parse(answer) as Outputs;
      if (!outputs.some((one) => one.name === 'verdict' && one.shape[0] === 1 && one.data[0] === 'accepted'))
        return { status: 500, answer, visited };
    }
    visited.push(name);
    const address = new URL(new URL(serviceUrl).pathname, urls[name]);
    const body = data === '$response' ? answer : request;
    const response = await fetch(address, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
    [status, answer] = [response.status, await response.text()];
    if (dependency === 'Hard' && !response.ok) break;
  }
  return { status, answer, visited };
}
