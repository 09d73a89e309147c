"""Sends an image by requests, httpx and aiohttp, each as its documentation does. One JSON line for each answer."""

import asyncio
import base64
import json
import sys

import aiohttp
import httpx
import requests

given = json.loads(sys.argv[1])
path = given["image"]
with open(path, "rb") as file:
    content = file.read()
text = base64.b64encode(content).decode()
JSON_BODIES = {
    "json": {"images": [{"image": text}]},
    "v2": {"inputs": [{"name": "file", "datatype": "BYTES", "shape": [1], "data": [text]}]},
}


def tell(client: str, route: dict, status: int, said: str) -> None:
    print(json.dumps({"client": client, "route": route["route"], "status": status, "said": said[:4000]}), flush=True)


def with_session(client: str, post) -> None:
    for route in given["routes"]:
        with open(path, "rb") as file:
            if route["kind"] == "file":
                answer = post(route["url"], content=file, headers={"Content-Type": "image/png"})
            elif route["kind"] == "form":
                answer = post(route["url"], files={"image": file})
            else:
                answer = post(route["url"], json=JSON_BODIES[route["kind"]])
        tell(client, route, answer.status_code, answer.text)


async def by_aiohttp() -> None:
    async with aiohttp.ClientSession() as session:
        for route in given["routes"]:
            with open(path, "rb") as file:
                if route["kind"] == "file":
                    options = {"data": file, "headers": {"Content-Type": "image/png"}}
                elif route["kind"] == "form":
                    options = {"data": {"image": file}}
                else:
                    options = {"json": JSON_BODIES[route["kind"]]}
                async with session.post(route["url"], **options) as answer:
                    tell("aiohttp", route, answer.status, await answer.text())


def by_requests(url: str, content=None, **options) -> requests.Response:
    return requests.post(url, **({"data": content} if content else {}), **options)


with_session("requests", by_requests)
with_session("httpx", httpx.post)
asyncio.run(by_aiohttp())
