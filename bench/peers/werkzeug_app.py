"""What Flask sees of a form: Werkzeug's own parser, in its own server."""

import json
import sys

from werkzeug.serving import run_simple
from werkzeug.wrappers import Request, Response

from seen import seen


@Request.application
def app(request: Request) -> Response:
    if request.path == "/ready":
        return Response("{}", mimetype="application/json")
    parts = [{"field": field, "error": "a field, not a file"} for field, _ in request.form.items(multi=True)]
    parts += [seen(file.read(), field=field, filename=file.filename) for field, file in request.files.items(multi=True)]
    return Response(json.dumps({"images": parts}), mimetype="application/json")


if __name__ == "__main__":
    import logging

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    run_simple("127.0.0.1", int(sys.argv[1]), app, threaded=True)
