"""Asks a worker through the generated client, as docs/clients.md shows, and prints the answers as JSON."""

import importlib
import inspect
import io
import json
import pkgutil
import sys

import portcullis_client.api
from portcullis_client import AuthenticatedClient, Client
from portcullis_client.api.model import get_model
from portcullis_client.api.screening import guard, screen
from portcullis_client.api.v2 import v_2_model_infer
from portcullis_client.models import BatchRequest, EncodedImage, InferenceRequest, InferenceTensor, ScreenExplain, ScreenFilesBody
from portcullis_client.types import File

given = json.loads(sys.argv[1])
with open(given["digit"], "rb") as file:
    digit = file.read()


def gets(client: AuthenticatedClient) -> dict[str, int]:
    """Asks each GET of the API. Returns the status that each module's answer has, if it was read into a class."""
    statuses = {}
    for _, name, is_package in pkgutil.walk_packages(portcullis_client.api.__path__, "portcullis_client.api."):
        module = None if is_package else importlib.import_module(name)
        if module is None:
            continue
        parameters = inspect.signature(module._get_kwargs).parameters
        given = {key: {"model": "classifier", "version": "1"}.get(key) for key in parameters if key in ("model", "version")}
        if "body" in parameters or module._get_kwargs(**given)["method"] != "get":
            continue
        answer = module.sync_detailed(client=client, **given)
        statuses[name.rsplit(".", 1)[1]] = int(answer.status_code) if answer.parsed is not None else 0
    return statuses


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
    asked = gets(client)
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
            "gets": asked,
            "explained": explained.explain.nearest,
        }
    )
)
