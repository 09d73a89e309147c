"""A classifier in KServe's Python server: input `file` BYTES, each a file or its base64; output `seen` BYTES, a JSON text for each."""

import json
import sys
import uuid

from kserve import InferOutput, InferRequest, InferResponse, Model, ModelServer

from seen import file_of, seen


class Classifier(Model):
    def __init__(self, name: str):
        super().__init__(name)
        self.ready = True

    def predict(self, payload: InferRequest, headers=None, response_headers=None) -> InferResponse:
        found = []
        for tensor in payload.inputs:
            if tensor.datatype == "BYTES":
                found += [json.dumps(seen(file_of(value), field=tensor.name)) for value in tensor.as_numpy().flatten()]
            else:
                found.append(json.dumps({"field": tensor.name, "shape": tensor.shape, "values": tensor.as_numpy().flatten().tolist()}))
        output = InferOutput(name="seen", shape=[len(found)], datatype="BYTES", data=found)
        # A request's id is optional, an answer's is not.
        return InferResponse(response_id=payload.id or str(uuid.uuid4()), model_name=self.name, infer_outputs=[output])


ModelServer(http_port=int(sys.argv[1]), enable_grpc=False, workers=1).start([Classifier("classifier")])
