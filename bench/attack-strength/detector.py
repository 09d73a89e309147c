"""A bundle in PyTorch, from the weights of its ONNX graphs, and its verdict by ONNX Runtime.

Written apart from the project's own code on purpose.
"""
import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import numpy_helper
from torch.nn import functional

TEMPERATURE = 0.1


def rounding_share(terms):
    """By which share of its inputs' upper bound a layer's radii are widened, for sums of so many products."""
    return (3 * terms + 64) * 2.0**-24


class Graph:
    """The few operators that encoder.onnx and decoder.onnx have."""

    def __init__(self, file):
        graph = onnx.load(file).graph
        self.input, self.output = graph.input[0].name, graph.output[0].name
        self.tensors = {each.name: torch.from_numpy(numpy_helper.to_array(each).copy()) for each in graph.initializer}
        attribute = lambda node: {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
        self.nodes = [(n.op_type, list(n.input), n.output[0], attribute(n)) for n in graph.node]

    def __call__(self, x):
        values = {self.input: x, **self.tensors}
        for kind, inputs, output, attributes in self.nodes:
            values[output] = self.operator(kind, [values[name] for name in inputs], attributes)
        return values[self.output]

    def box_before_last(self, lower, upper):
        """Interval bounds of what the last layer takes, and that layer's weights [inputs, outputs] and biases."""
        values = {self.input: (lower, upper)}
        *nodes, (kind, (source, weights, biases), _, _) = [node for node in self.nodes if node[0] != "Identity"]
        if kind != "Gemm":
            raise ValueError(f"the last layer is {kind}, not Gemm")
        for kind, inputs, output, attributes in nodes:
            lower, upper = values[inputs[0]]
            constants = [self.tensors[name] for name in inputs[1:]]
            if kind in ("Conv", "Gemm"):
                matrix, bias = constants
                share = rounding_share(matrix.numel() // len(bias))
                middle = self.operator(kind, [(lower + upper) / 2, matrix, bias], attributes)
                radius = self.operator(kind, [(upper - lower) / 2 + share * upper, matrix.abs(), share * bias.abs()], attributes)
                values[output] = (middle - radius, middle + radius)
            else:
                values[output] = tuple(self.operator(kind, [bound, *constants], attributes) for bound in (lower, upper))
        return *values[source], self.tensors[weights], self.tensors[biases]

    def operator(self, kind, inputs, attributes):
        x = inputs[0]
        if kind == "Reshape":
            return x.reshape([x.shape[i] if length == 0 else length for i, length in enumerate(inputs[1].tolist())])
        if kind == "Transpose":
            return x.permute(attributes["perm"])
        if kind == "Gemm":
            return x @ inputs[1] + inputs[2]
        if kind in ("Relu", "Sigmoid", "Identity"):
            return {"Relu": torch.relu, "Sigmoid": torch.sigmoid, "Identity": lambda x: x}[kind](x)
        if kind == "Conv":
            left = attributes["pads"][0]
            return functional.conv2d(x, inputs[1], inputs[2], stride=attributes["strides"], padding=left)
        if kind == "ConvTranspose":
            left = attributes["pads"][0]
            return functional.conv_transpose2d(x, inputs[1], inputs[2], stride=attributes["strides"], padding=left)
        raise ValueError(f"{kind} is no operator of these graphs")


class Detector:
    def __init__(self, directory):
        directory = Path(directory)
        self.screening = screening = json.loads((directory / "screening.json").read_text())
        self.encoder, self.decoder = Graph(directory / "encoder.onnx"), Graph(directory / "decoder.onnx")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(str(directory / "screen.onnx"), options)
        if screening["covariances"]["kind"] != "spherical":
            raise ValueError("only spherical covariances are here")
        self.means = torch.tensor(screening["means"], dtype=torch.float32)
        self.variances = torch.tensor(screening["covariances"]["values"], dtype=torch.float32)
        limits = screening["thresholds"]
        unknown = set(limits) - {"maxLatentDistance", "maxReconstructionError", "maxRelativeError", "maxRivalMargin"}
        if unknown:
            raise ValueError(f"this detector has no test for {', '.join(sorted(unknown))}; export a bundle without it (--scores)")
        self.limits = {name: torch.tensor(values) for name, values in limits.items() if values}
        self.shape = [screening["input"][side] for side in ("channels", "height", "width")]

    def images_of(self, file):
        """Reads a file of float32 images, [N, H, W, C], as numpy [N, C, H, W]."""
        channels, height, width = self.shape
        return np.fromfile(file, dtype="<f4").reshape(-1, height, width, channels).transpose(0, 3, 1, 2).copy()

    def logits(self, images):
        """Plain: -||f(x) - mu_j||^2 / T. [N, C, H, W] -> [N, k]"""
        return -self.distances(self.latents(images)) / TEMPERATURE

    def latents(self, images):
        return self.encoder(images.permute(0, 2, 3, 1))

    def distances(self, latents):
        return (latents[:, None] - self.means).square().sum(2)

    def rival_margins(self, nhwc):
        """Upper bounds of the share of the way from class y to any other, over all images within the guarantee: [N, y]

        Widened for float32's rounding as docs/robustness.md says (Strict mode, Rounding).
        """
        r = self.screening["guarantee"]["radius"] * (1 + 2e-5)
        lower, upper, weights, biases = self.encoder.box_before_last((nhwc - r).clamp(0, 1), (nhwc + r).clamp(0, 1))
        k = len(self.means)
        between = weights.T[None, :k] - weights.T[:k, None]  # [y, t, inputs]
        most = torch.einsum("ni,yti->nyt", upper, between.relu()) - torch.einsum("ni,yti->nyt", lower, (-between).relu())
        most = most + biases[None, :k] - biases[:k, None]
        shares = ((1 + most.masked_fill(torch.eye(k, dtype=torch.bool), -1e9)) / 2).amax(2)
        share = rounding_share(len(weights))
        rounding = share * (upper @ weights[:, :k].abs().amax(1) + biases[:k].abs().amax())
        return (shares + rounding[:, None]).clamp(min=0)

    def log_ratios(self, images):
        """Returns the logarithm of each test's score over its threshold for each class, [N, k, tests].

        An image is accepted as t where all of t are below 0.
        """
        nhwc = images.permute(0, 2, 3, 1)
        latents = self.encoder(nhwc)
        away = self.distances(latents)
        nearest, second = away.topk(2, largest=False).values.split(1, 1)
        nearest_other = torch.where(away == nearest, second, nearest)
        errors = (nhwc - self.decoder(latents)).square().sum((1, 2, 3))[:, None]
        tests = [
            away / nearest_other,
            away / self.variances / self.limits["maxLatentDistance"],
            errors / self.limits["maxReconstructionError"],
        ]
        if "maxRelativeError" in self.limits:
            energy = nhwc.square().sum((1, 2, 3))[:, None] + self.screening["relativeErrorOffset"]
            tests.append(errors / energy / self.limits["maxRelativeError"])
        if "maxRivalMargin" in self.limits:
            tests.append(self.rival_margins(nhwc) / self.limits["maxRivalMargin"])
        return torch.stack([(test + 1e-12).log() for test in tests], 2)

    def verdicts(self, images):
        """Label and whether it is accepted, by screen.onnx and the thresholds. images: numpy [N, C, H, W]"""
        nhwc = np.ascontiguousarray(images.transpose(0, 2, 3, 1), dtype=np.float32)
        names = ["label", "latent_distance", "reconstruction_error", *(["rival_margin"] if "maxRivalMargin" in self.limits else [])]
        label, distance, error, *margin = (value.reshape(-1) for value in self.session.run(names, {"image": nhwc}))
        limit = lambda name: np.array(self.screening["thresholds"][name])[label]
        accepted = (distance <= limit("maxLatentDistance")) & (error <= limit("maxReconstructionError"))
        if "maxRelativeError" in self.limits:
            energy = np.square(nhwc.astype(np.float64)).sum((1, 2, 3)) + self.screening["relativeErrorOffset"]
            accepted &= error / energy <= limit("maxRelativeError")
        for value in margin:
            accepted &= value <= limit("maxRivalMargin")
        return label, accepted
