"""Serves an ONNX graph or an exported PyTorch program by the Open Inference Protocol v2, for the guard or a KServe InferenceGraph.

    python inference_service.py classifier.onnx --classes 0 1 2 3 4 5 6 7 8 9 --port 9001
    python inference_service.py classifier.pt2 --classes cat dog

The model takes float32 [N, H, W, C] in [0, 1] and answers a score for each class, [N, classes]; the highest is the label. With --means a
bundle's encoder.onnx is a classifier too: the class whose mean, in the bundle's screening.json, is nearest.
"""

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

Run = Callable[[np.ndarray], np.ndarray]


def open_onnx(path: Path) -> Run:
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda images: session.run(None, {name: images})[0]


def open_torch(path: Path) -> Run:
    import torch

    program = torch.export.load(path).module()

    def run(images: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return program(torch.from_numpy(images)).numpy()

    return run


RUNTIMES = {".onnx": open_onnx, ".pt2": open_torch}


def nearest(run: Run, means: np.ndarray) -> Run:
    """Scores each class by the distance of the latent to its mean."""
    return lambda images: -((run(images)[:, None, :] - means[None]) ** 2).sum(axis=2)


def images_of(body: dict) -> np.ndarray:
    """Reads the one input that this model has. Raises ValueError for anything else."""
    inputs = body.get("inputs")
    if not isinstance(inputs, list) or len(inputs) != 1 or inputs[0].get("name") != "image" or inputs[0].get("datatype") != "FP32":
        raise ValueError("exactly one input is needed: image, FP32 [N, H, W, C]")
    images = np.array(inputs[0].get("data"), np.float32).reshape(inputs[0].get("shape"))
    if images.ndim != 4 or not np.isfinite(images).all():
        raise ValueError("image must be finite numbers of shape [N, H, W, C]")
    return images


def create_app(run: Run, classes: list[str]) -> FastAPI:
    app = FastAPI(title="classifier")

    @app.get("/v2/models/classifier/ready")
    def ready() -> dict:
        return {"ready": True}

    @app.post("/v2/models/classifier/infer")
    async def infer(request: Request) -> JSONResponse:
        try:
            images = images_of(json.loads(await request.body()))
        except (ValueError, TypeError, AttributeError) as error:
            return JSONResponse({"error": str(error)}, 400)
        labels = [classes[index] for index in run(images).argmax(axis=1)]
        output = {"name": "label", "datatype": "BYTES", "shape": [len(labels)], "data": labels}
        return JSONResponse({"model_name": "classifier", "outputs": [output]})

    return app


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--classes", nargs="+", help="names of the classes, in the model's order")
    parser.add_argument("--means", type=Path, metavar="screening.json", help="the model is this bundle's encoder")
    parser.add_argument("--port", type=int, default=9001)
    given = parser.parse_args()
    if given.model.suffix not in RUNTIMES:
        parser.error(f"{given.model} is none of {', '.join(RUNTIMES)}")
    if not given.classes and not given.means:
        parser.error("--classes or --means is needed")
    opened, names = RUNTIMES[given.model.suffix](given.model), given.classes
    if given.means:
        screening = json.loads(given.means.read_text())
        opened, names = nearest(opened, np.array(screening["means"], np.float32)), screening["classes"]
    uvicorn.run(create_app(opened, names), host="127.0.0.1", port=given.port, log_level="warning")
