"""A classifier's front as FastAPI users write it: UploadFile for a form's files (python-multipart), the body itself for others."""

import sys

import uvicorn
from fastapi import FastAPI, Request, UploadFile

from seen import seen, seen_in_json

app = FastAPI()


@app.get("/ready")
def ready():
    return {"ready": True}


@app.post("/predict")
async def predict(image: UploadFile):
    return {"images": [seen(await image.read(), field="image", filename=image.filename)]}


@app.post("/body")
async def body(request: Request):
    return {"images": [seen(await request.body())]}


@app.post("/json")
def batch(body: dict):
    return {"images": seen_in_json(body)}


@app.post("/form")
async def form(request: Request):
    parts = []
    async with request.form() as fields:
        for field, value in fields.multi_items():
            if isinstance(value, str):
                parts.append({"field": field, "error": "a field, not a file"})
            else:
                parts.append(seen(await value.read(), field=field, filename=value.filename))
    return {"images": parts}


uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="error")
