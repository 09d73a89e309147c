"""The same classifier as a custom runtime of MLServer."""

import json

from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceRequest, InferenceResponse, ResponseOutput

from seen import file_of, seen


class Classifier(MLModel):
    async def load(self) -> bool:
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        found = []
        for tensor in payload.inputs:
            if tensor.datatype == "BYTES":
                found += [json.dumps(seen(file_of(value), field=tensor.name)) for value in flat(tensor.data)]
            else:
                values = NumpyCodec.decode_input(tensor).flatten().tolist()
                found.append(json.dumps({"field": tensor.name, "shape": list(tensor.shape), "values": values}))
        output = ResponseOutput(name="seen", datatype="BYTES", shape=[len(found)], data=found)
        return InferenceResponse(id=payload.id, model_name=self.name, outputs=[output])


def flat(data) -> list:
    """Lists every element, however they are nested."""
    values = data.root if hasattr(data, "root") else data
    if isinstance(values, (str, bytes)):
        return [values]
    return [each for value in values for each in flat(value)]
