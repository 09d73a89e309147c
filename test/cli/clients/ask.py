"""Asks a worker through the generated client, as docs/clients.md shows, and prints the answers as JSON."""

import io
import json
import sys

from portcullis_client import AuthenticatedClient, Client
from portcullis_client.api.model import get_model
from portcullis_client.api.screening import guard, screen
from portcullis_client.api.v2 import v_2_model_infer
from portcullis_client.models import BatchRequest, EncodedImage, InferenceRequest, InferenceTensor, ScreenExplain, ScreenFilesBody
from portcullis_client.types import File

given = json.loads(sys.argv[1])
with open(given["digit"], "rb") as file:
    digit = file.read()


def picture(content: bytes) -> File:
    return File(payload=io.BytesIO(content), file_name="digit.png", mime_type="image/png")


with Client(base_url=given["url"]) as client:
    one = screen.sync(client=client, body=picture(digit))
    form = screen.sync(client=client, body=ScreenFilesBody(file=[picture(digit), picture(b"no image")]))
    batch = screen.sync(client=client, body=BatchRequest(images=[EncodedImage(image=given["base64"])]))
    tensor = InferenceTensor.from_dict({"name": "file", "datatype": "BYTES", "shape": [1], "data": [given["base64"]]})
    inferred = v_2_model_infer.sync(client=client, body=InferenceRequest(inputs=[tensor]))
    refused = screen.sync_detailed(client=client, body=picture(b"no image"))
    classified = guard.sync_detailed(client=client, body=picture(digit))
    model = get_model.sync(client=client)
with AuthenticatedClient(base_url=given["url"], token=given["key"]) as client:
    explained = screen.sync(client=client, body=picture(digit), explain=ScreenExplain.VALUE_1)

print(
    json.dumps(
        {
            "one": [type(one).__name__, one.label],
            "form": [type(each).__name__ for each in form.results],
            "batch": [each.label for each in batch.results],
            "inferred": {output.name: output.data for output in inferred.outputs}["verdict"],
            "refused": [int(refused.status_code), type(refused.parsed).__name__, refused.parsed.type_],
            "classified": [classified.headers["portcullis-verdict"], json.loads(classified.content)],
            "model": model.classes,
            "explained": explained.explain.nearest,
        }
    )
)
