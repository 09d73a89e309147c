"""A trained run's encoder and decoder (tfjs layers models) as ONNX, by tensorflowjs_converter and tf2onnx.

    python export/tf2onnx/convert.py runs/NAME/model OUT      (OUT/encoder.onnx, OUT/decoder.onnx)

`pnpm export --via tf2onnx` calls it. It shares no code with the project's own exporter, which is what makes it a check of it.
"""
import pathlib
import sys
import tempfile

import onnx
import tf2onnx.convert
from tensorflowjs.converters import converter
from tf2onnx.tf_utils import TF_IGNORED_NODE_ATTRS

# Shapes that Grappler noted on fused operators for its own use; tf2onnx 1.17 takes the list for an attribute and stops at it.
TF_IGNORED_NODE_ATTRS.add("_input_shapes")

model, out = (pathlib.Path(path) for path in sys.argv[1:3])
with tempfile.TemporaryDirectory() as graphs:
    # tensorflowjs leaves temporary files behind.
    tempfile.tempdir = graphs
    for part in ("encoder", "decoder"):
        graph = pathlib.Path(graphs) / part
        # Not its command line, which cuts paths at their spaces.
        converter.convert([
            "--input_format", "tfjs_layers_model", "--output_format", "tfjs_graph_model",
            str(model / part / "model.json"), str(graph),
        ])
        target = out / f"{part}.onnx"
        sys.argv = ["tf2onnx", "--tfjs", str(graph / "model.json"), "--output", str(target), "--opset", "17"]
        tf2onnx.convert.main()
        onnx.checker.check_model(str(target), full_check=True)
        print(f"converted {part}", flush=True)
