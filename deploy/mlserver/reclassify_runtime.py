"""Serves the search with MLServer: reclassify.onnx on ONNX Runtime, with the graph's own names and types (docs/fallback.md)."""

import asyncio

import numpy as np
import onnxruntime as ort
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.errors import InferenceError
from mlserver.types import InferenceRequest, InferenceResponse, ResponseOutput
from mlserver.utils import get_model_uri


class Reclassify(MLModel):
    async def load(self) -> bool:
        # Pass the path, not the bytes, because the weights are in a separate file next to the graph.
        path = await get_model_uri(self.settings)
        self.session = ort.InferenceSession(path, providers=ort.get_available_providers())
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        if [tensor.name for tensor in payload.inputs] != ["image"]:
            raise InferenceError("one input is needed: image, FP32")
        image = NumpyCodec.decode_input(payload.inputs[0]).astype(np.float32)
        names = [output.name for output in self.session.get_outputs()]
        found = await asyncio.to_thread(self.session.run, names, {"image": image})
        outputs = [encoded(name, value) for name, value in zip(names, found)]
        return InferenceResponse(model_name=self.name, model_version=self.version, outputs=outputs)


def encoded(name: str, value: np.ndarray) -> ResponseOutput:
    if value.dtype == object:
        return ResponseOutput(name=name, datatype="BYTES", shape=list(value.shape), data=[str(text) for text in value])
    return NumpyCodec.encode_output(name, value)
