"""A classifier of image files, in FastAPI, that stands behind the guard.

    python fastapi_classifier.py --bundle models/mnist --port 9000

The encoder of a bundle stands in for your own classifier: the class whose mean is nearest. Only the guard may ask: it sends the secret in
CLASSIFIER_AUTHORIZATION, which is its UPSTREAM_AUTHORIZATION.
"""

import argparse
import hmac
import io
import json
import os
from pathlib import Path

import numpy as np
import onnxruntime
import uvicorn
from fastapi import FastAPI, HTTPException, Request
from PIL import Image


class Classifier:
    """Classifies by an ONNX graph that answers the latent of an image."""

    def __init__(self, bundle: Path) -> None:
        screening = json.loads((bundle / "screening.json").read_text())
        self.session = onnxruntime.InferenceSession(bundle / "encoder.onnx", providers=["CPUExecutionProvider"])
        self.size = (screening["input"]["height"], screening["input"]["width"], screening["input"]["channels"])
        self.classes = screening["classes"]
        self.means = np.array(screening["means"], np.float32)

    def classify(self, image: Image.Image) -> str:
        height, width, channels = self.size
        pixels = image.convert("L" if channels == 1 else "RGB").resize((width, height), Image.Resampling.BILINEAR)
        tensor = np.asarray(pixels, np.float32).reshape(1, height, width, channels) / 255
        (latent,) = self.session.run(["latent"], {"image": tensor})
        distances = ((self.means - latent) ** 2).sum(axis=1)
        return self.classes[int(distances.argmin())]


def create_app(classifier: Classifier, authorization: str) -> FastAPI:
    app = FastAPI(title="classifier")

    @app.get("/ready")
    def ready() -> dict:
        return {"ready": True}

    @app.post("/classify")
    async def classify(request: Request) -> dict:
        given = request.headers.get("authorization", "")
        if not hmac.compare_digest(given.encode(), authorization.encode()):
            raise HTTPException(401, "Only the guard may ask. Send images to its /guard.")
        try:
            # The guard forwards every accepted image as a PNG that it wrote itself.
            image = Image.open(io.BytesIO(await request.body()), formats=["PNG"])
            return {"class": classifier.classify(image)}
        except OSError as error:
            raise HTTPException(422, f"The body is not a PNG: {error}") from error

    return app


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--port", type=int, default=9000)
    arguments = parser.parse_args()
    secret = os.environ.get("CLASSIFIER_AUTHORIZATION")
    if not secret:
        parser.error("CLASSIFIER_AUTHORIZATION is not set: without a secret, clients could go around the guard")
    uvicorn.run(create_app(Classifier(arguments.bundle), secret), host="127.0.0.1", port=arguments.port, log_level="warning")
