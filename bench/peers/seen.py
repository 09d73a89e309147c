"""Says what an upstream server sees of the images that reached it, decoded by Pillow."""

import base64
import hashlib
import io

from PIL import Image, ImageOps

FILE_STARTS = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM", b"II*\0", b"MM\0*", b"RIFF")


def seen(content: bytes, **about) -> dict:
    """Describes one file: its size, frames, the sha256 of its RGBA pixels as stored and turned upright, the mean of its grey levels."""
    try:
        with Image.open(io.BytesIO(content)) as image:
            frames = getattr(image, "n_frames", 1)
            format = image.format
            image.load()
            rgba = pixels(image)
            upright = pixels(ImageOps.exif_transpose(image))
            histogram = image.convert("L").histogram()
            mean = sum(level * count for level, count in enumerate(histogram)) / (image.width * image.height)
            return {
                **about,
                "format": format,
                "width": image.width,
                "height": image.height,
                "frames": frames,
                "rgba": rgba,
                "upright": upright,
                "mean": round(mean, 3),
            }
    except Exception as error:
        return {**about, "error": f"{type(error).__name__}: {error}"[:200]}


def pixels(image: Image.Image) -> str:
    converted = image.convert("RGBA")
    return hashlib.sha256(f"{converted.width}x{converted.height}:".encode() + converted.tobytes()).hexdigest()


def file_of(value: str | bytes) -> bytes:
    """Takes an element of a BYTES tensor: the file itself, or its base64."""
    content = value.encode() if isinstance(value, str) else bytes(value)
    return content if content.startswith(FILE_STARTS) else base64.b64decode(content)


def seen_in_json(body: dict) -> list[dict]:
    """Reads the JSON form of a batch, {"images": [{"image": base64}]}."""
    return [seen(base64.b64decode(item["image"])) if "image" in item else {"pixels": item["pixels"]} for item in body["images"]]
