"""Asks for an inference as MLServer's own codecs encode it, sent by requests. One JSON line for each answer."""

import base64
import json
import sys

import requests
from mlserver.codecs import Base64Codec, StringCodec
from mlserver.types import InferenceRequest

given = json.loads(sys.argv[1])
with open(given["image"], "rb") as file:
    content = file.read()

for route in given["routes"]:
    url = f"http://{route['host']}/v2/models/{route['model']}/infer"
    text = base64.b64encode(content).decode()
    for name, tensor in [
        ("Base64Codec", Base64Codec.encode_input("file", [content], use_bytes=False)),
        ("StringCodec", StringCodec.encode_input("file", [text], use_bytes=False)),
    ]:
        body = InferenceRequest(inputs=[tensor]).model_dump_json(exclude_none=True)
        answer = requests.post(url, data=body, headers={"Content-Type": "application/json"})
        told = {"client": f"mlserver {name}", "route": route["route"], "status": answer.status_code, "said": answer.text[:4000]}
        print(json.dumps(told), flush=True)
