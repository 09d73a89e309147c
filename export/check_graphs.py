"""onnx.checker, with shape inference, over the graphs of a bundle.

    python export/check_graphs.py models/NAME      (needs the package onnx; exit code 1 where a graph fails)
"""
import pathlib
import sys

import onnx

failed = False
for path in sorted(pathlib.Path(sys.argv[1]).glob("*.onnx")):
    try:
        # By its path, so that the external weights beside it are found and checked too.
        onnx.checker.check_model(str(path), full_check=True)
        print(f"{path.name}: fine")
    except Exception as error:
        failed = True
        print(f"{path.name}: {error}")
sys.exit(failed)
