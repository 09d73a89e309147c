"""Asks for an inference by tritonclient[http] (JSON, binary, asyncio) and KServe's InferenceRESTClient. One JSON line for each answer."""

import asyncio
import base64
import json
import sys

import numpy as np
import tritonclient.http as triton
import tritonclient.http.aio as triton_aio
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig

given = json.loads(sys.argv[1])
with open(given["image"], "rb") as file:
    content = file.read()
text = base64.b64encode(content).decode()
pixels = np.array(given["pixels"], np.float32).reshape(given["shape"])


def tell(client: str, route: dict, outputs: dict | None, error: object = None) -> None:
    said = json.dumps({"outputs": outputs} if error is None else {"error": f"{type(error).__name__}: {error}"[:600]})
    print(json.dumps({"client": client, "route": route["route"], "status": 200 if error is None else 0, "said": said}), flush=True)


def plain(array: np.ndarray) -> list:
    return [value.decode() if isinstance(value, bytes) else value for value in array.flatten().tolist()]


def outputs_of(result) -> dict:
    return {output["name"]: plain(result.as_numpy(output["name"])) for output in result.get_response()["outputs"]}


def inputs_of(module, kind: str, binary: bool) -> list:
    if kind == "tensor":
        tensor = module.InferInput("image", list(pixels.shape), "FP32")
        tensor.set_data_from_numpy(pixels, binary_data=binary)
    else:
        value = content if kind == "bytes" else text.encode()
        tensor = module.InferInput("file", [1], "BYTES")
        tensor.set_data_from_numpy(np.array([value], object), binary_data=binary)
    return [tensor]


def by_triton(route: dict, kind: str, binary: bool) -> None:
    name = f"tritonclient {'binary' if binary else 'JSON'}, {kind}"
    client = triton.InferenceServerClient(route["host"])
    try:
        assert client.is_server_live() and client.is_server_ready() and client.is_model_ready(route["model"]), "it is not ready"
        client.get_model_metadata(route["model"])
        wanted = [triton.InferRequestedOutput(output, binary_data=binary) for output in route["outputs"]]
        tell(name, route, outputs_of(client.infer(route["model"], inputs_of(triton, kind, binary), outputs=wanted)))
    except Exception as error:
        tell(name, route, None, error)
    finally:
        client.close()


async def by_triton_aio(route: dict, kind: str, binary: bool) -> None:
    name = f"tritonclient aio {'binary' if binary else 'JSON'}, {kind}"
    client = triton_aio.InferenceServerClient(route["host"])
    try:
        assert await client.is_model_ready(route["model"]), "it is not ready"
        tell(name, route, outputs_of(await client.infer(route["model"], inputs_of(triton, kind, binary))))
    except Exception as error:
        tell(name, route, None, error)
    finally:
        await client.close()


async def by_kserve(route: dict, kind: str, binary: bool) -> None:
    name = f"kserve {'binary' if binary else 'JSON'}, {kind}"
    client = InferenceRESTClient(RESTConfig(protocol="v2", retries=0))
    try:
        assert await client.is_server_ready(f"http://{route['host']}"), "it is not ready"
        assert await client.is_model_ready(f"http://{route['host']}", route["model"]), "its model is not ready"
        if kind == "tensor":
            tensor = InferInput("image", list(pixels.shape), "FP32")
            tensor.set_data_from_numpy(pixels, binary_data=binary)
        else:
            tensor = InferInput("file", [1], "BYTES")
            value = content if kind == "bytes" else text.encode()
            tensor.set_data_from_numpy(np.array([value], object), binary_data=binary)
        request = InferRequest(model_name=route["model"], infer_inputs=[tensor])
        answer = await client.infer(f"http://{route['host']}", request, model_name=route["model"])
        tell(name, route, {output.name: plain(output.as_numpy()) for output in answer.outputs})
    except Exception as error:
        tell(name, route, None, error)
    finally:
        await client.close()


async def main() -> None:
    for route in given["routes"]:
        kinds = [("base64", False), ("base64", True), ("bytes", True)] + ([("tensor", False), ("tensor", True)] if route["tensors"] else [])
        for kind, binary in kinds:
            await by_triton_aio(route, kind, binary)
            await by_kserve(route, kind, binary)


for route in given["routes"]:
    tensors = [("tensor", False), ("tensor", True)] if route["tensors"] else []
    for kind, binary in [("base64", False), ("base64", True), ("bytes", True)] + tensors:
        by_triton(route, kind, binary)
asyncio.run(main())
