"""What an aiohttp server sees of a form, by request.post()."""

import sys

from aiohttp import web

from seen import seen


async def ready(_: web.Request) -> web.Response:
    return web.json_response({})


async def form(request: web.Request) -> web.Response:
    parts = []
    for field, value in (await request.post()).items():
        if isinstance(value, web.FileField):
            parts.append(seen(value.file.read(), field=field, filename=value.filename))
        else:
            parts.append({"field": field, "error": "a field, not a file"})
    return web.json_response({"images": parts})


app = web.Application(client_max_size=64 * 1024 * 1024)
app.add_routes([web.get("/ready", ready), web.post("/form", form)])
web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None, access_log=None)
