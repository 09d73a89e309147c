"""Another independent attack on a bundle of MNIST, in PyTorch: third_eyes.py --bundle FOLDER --mnist FOLDER --indices FILE ...

An attack breaks an image if a change within the radius is accepted as a wrong class. This one attacks all images within the largest radius,
and what it breaks within the smaller ones, for longer. A row is an image, a wrong class and a start, an own image of that class. Many near
ones, also moved by a pixel, are brought into the ball; the descent begins at those of least loss. The rows that come nearest go on, with
other losses: hinges of all tests, a smooth maximum, a Lagrangian whose weights grow for tests that fail. In l2 the ball shrinks.
A success counts if ONNX Runtime says so, on screen.onnx in float32.
"""
import argparse
import json
import time
from collections import namedtuple
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from scipy.stats import beta
from torch.nn import functional

torch.set_num_threads(1)
Row = namedtuple("Row", "image target start best loss", defaults=(None, 1e9))
UNIT = 2.0**-24  # the rounding of float32, by which interval bounds are widened
# (images below this loss, rows of each), then: steps, loss, size of the first ball, first step, noise, anew from the start
STAGES = [
    ((1e9, 1000), (24, "hinges", 1.0, 0.3, 0.0, True)),
    ((0.3, 5), (60, "hinges", 1.0, 0.3, 0.0, True)),
    ((0.3, 3), (60, "smooth", 1.5, 0.3, 0.0, True)),
    ((0.3, 2), (80, "lagrangian", 0.0, 0.06, 0.0, False)),
    ((0.25, 4), (60, "lagrangian", 0.6, 0.3, 0.02, True)),
    ((0.2, 2), (80, "hinges", 0.0, 0.03, 0.0, False)),
    ((0.1, 12), (150, "hinges", 0.8, 0.2, 0.05, True)),
    ((0.1, 12), (100, "smooth", 0.0, 0.1, 0.02, False)),
]


def read_graph(file):
    """The nodes of a chain: kind, constants, attributes."""
    graph, value = onnx.load(file).graph, onnx.helper.get_attribute_value
    constants = {t.name: torch.from_numpy(onnx.numpy_helper.to_array(t).copy()) for t in graph.initializer}
    nodes = [node for node in graph.node if node.op_type != "Identity"]
    return [(n.op_type, [constants[name] for name in n.input[1:]], {a.name: value(a) for a in n.attribute}) for n in nodes]


def layer(x, kind, args, options):
    if kind == "Reshape":
        return x.reshape([x.shape[i] if side == 0 else side for i, side in enumerate(args[0].tolist())])
    if kind in ("Conv", "ConvTranspose"):
        convolve = functional.conv2d if kind == "Conv" else functional.conv_transpose2d
        return convolve(x, *args, stride=options["strides"], padding=options["pads"][0])
    if kind == "Gemm":
        return torch.addmm(args[1], x, args[0])
    return {"Relu": torch.relu, "Sigmoid": torch.sigmoid, "Transpose": lambda x: x.permute(options["perm"])}[kind](x)


def forward(nodes, x):
    for node in nodes:
        x = layer(x, *node)
    return x


def rival_margins(nodes, x, radius, k):
    """Interval bounds of the share of the way from class y to any other: [N, y]"""
    low, high = (x - radius).clamp(0, 1), (x + radius).clamp(0, 1)
    for kind, args, options in nodes[:-1]:
        if kind in ("Conv", "Gemm"):
            share = (3 * args[0].numel() / len(args[1]) + 64) * UNIT
            centre = layer((low + high) / 2, kind, args, options)
            wide = layer((high - low) / 2 + high * share, kind, [args[0].abs(), args[1].abs() * share + 1e-30], options)
            low, high = centre - wide, centre + wide
        else:
            low, high = (layer(bound, kind, args, options) for bound in (low, high))
    w, b = nodes[-1][1][0].T[:k], nodes[-1][1][1][:k]
    between, share = w[None] - w[:, None], (3 * w.shape[1] + 64) * UNIT
    most = torch.einsum("ni,yti->nyt", high, between.relu()) - torch.einsum("ni,yti->nyt", low, (-between).relu())
    most = (most + b[None] - b[:, None]).masked_fill(torch.eye(k, dtype=torch.bool), -1e9).amax(2)
    return ((1 + most) / 2 + (high @ w.abs().amax(0) + b.abs().max())[:, None] * share).clamp(min=0)


class Bundle:
    def __init__(self, folder):
        self.screening = json.loads(Path(folder, "screening.json").read_text())
        self.encoder, self.decoder = read_graph(Path(folder, "encoder.onnx")), read_graph(Path(folder, "decoder.onnx"))
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(str(Path(folder, "screen.onnx")), options)
        self.means, self.variances = torch.tensor(self.screening["means"]), torch.tensor(self.screening["covariances"]["values"])
        self.limits = {name: torch.tensor(value) for name, value in self.screening["thresholds"].items() if value}

    def log_ratios(self, images):
        """log(score / threshold) of each class and test, [N, k, tests]; the first test is that the class is the nearest."""
        x = images.reshape(-1, 28, 28, 1)
        latents = forward(self.encoder, x)
        away = (latents[:, None] - self.means).square().sum(2)
        first, second = away.topk(2, largest=False).values.split(1, 1)
        errors = (x - forward(self.decoder, latents)).square().sum((1, 2, 3))[:, None]
        energy = x.square().sum((1, 2, 3))[:, None] + self.screening["relativeErrorOffset"]
        scores = {"maxLatentDistance": away / self.variances, "maxReconstructionError": errors, "maxRelativeError": errors / energy}
        if "maxRivalMargin" in self.limits:
            radius = self.screening["guarantee"]["radius"] * (1 + 2e-5)
            scores["maxRivalMargin"] = rival_margins(self.encoder, x, radius, len(self.means))
        tests = [away / torch.where(away == first, second, first), *(scores[name] / limit for name, limit in self.limits.items())]
        return torch.stack([(test + 1e-12).log() for test in tests], 2)

    def verdicts(self, images):
        """The accepted class by ONNX Runtime, or -1."""
        x = np.ascontiguousarray(np.asarray(images, np.float32).reshape(-1, 28, 28, 1))
        names = ["label", "latent_distance", "reconstruction_error", *(["rival_margin"] if "maxRivalMargin" in self.limits else [])]
        label, *scores = (value.reshape(-1) for value in self.session.run(names, {"image": x}))
        tested = dict(zip(["maxLatentDistance", "maxReconstructionError", "maxRivalMargin"], scores))
        tested["maxRelativeError"] = scores[1] / (np.square(x.astype(np.float64)).sum((1, 2, 3)) + self.screening["relativeErrorOffset"])
        passed = [tested[name] <= np.array(self.screening["thresholds"][name])[label] for name in self.limits]
        return np.where(np.all(passed, 0) & np.isfinite(scores).all(0), label, -1)


def read(folder, name):
    images, labels = (np.fromfile(Path(folder, f"{name}-{kind}-ubyte"), np.uint8) for kind in ("images-idx3", "labels-idx1"))
    return (images[16:].reshape(-1, 1, 28, 28) / np.float32(255)).astype(np.float32), labels[8:].astype(np.int64)


def size(values):
    return values.flatten(1).norm(dim=1).clamp(min=1e-12)[:, None, None, None]


def project(x, origin, norm, radius):
    if norm == "linf":
        return torch.minimum(torch.maximum(x, origin - radius), origin + radius).clamp(0, 1)
    change = x.clamp(0, 1) - origin
    return origin + change * (radius / size(change)).clamp(max=1)


def loss_of(ratios, kind, weights=None):
    if kind == "lagrangian":
        loss = (weights.softmax(1) * ratios.clamp(min=-0.5)).sum(1)
    else:
        loss = ratios.clamp(max=4).exp().sub(0.95).relu().sum(1) if kind == "hinges" else ratios.mul(4).logsumexp(1) / 4
    return loss + 0.01 * ratios.sum(1)


class Attack:
    def __init__(self, bundle, images, labels, own, own_labels, seed):
        self.bundle, self.x, self.y = bundle, torch.from_numpy(images), torch.from_numpy(labels)
        self.own, self.own_labels, self.energy = own.reshape(len(own), -1), own_labels, np.square(own).sum((1, 2, 3))
        self.generator, self.spent = torch.Generator().manual_seed(seed), np.zeros(len(images))

    def starts(self, image, norm, radius, keep):
        """The starts of least loss in the ball, and the nearest one, for every wrong class."""
        x, rows = self.x[image], []
        distances = self.energy - 2 * (self.own @ x.flatten().numpy())
        for target in set(range(len(self.bundle.means))) - {self.y[image].item()}:
            members = np.flatnonzero(self.own_labels == target)
            near = torch.from_numpy(self.own[members[np.argsort(distances[members])[:24]]].reshape(-1, 1, 28, 28))
            near = torch.cat([near] + [near[:6].roll(by, axis) for axis in (2, 3) for by in (1, -1)])
            with torch.no_grad():
                seen = self.bundle.log_ratios(project(near, x[None], norm, radius * (1.7 if norm == "l2" else 1)))
            rows += [Row(image, target, near[i]) for i in {0, *loss_of(seen[:, target], "hinges").argsort()[: keep - 1].tolist()}]
        return rows

    def descend(self, rows, found, norm, radius, steps, kind, wide, first, noise, anew):
        """Descends at most 128 rows, from the starts or from the best images so far. Fills found; returns the rows with new best images."""
        of, target = torch.tensor([row.image for row in rows]), torch.tensor([row.target for row in rows])
        ball_at = lambda step: radius * (2.0 if norm == "l2" else 1.0) ** (wide * max(0.0, 1 - step / steps / 0.6))
        x = torch.stack([row.start if anew else row.best for row in rows])
        x = project(x + noise * torch.randn(x.shape, generator=self.generator), self.x[of], norm, ball_at(0))
        least, best = torch.tensor([row.loss for row in rows]), torch.stack([x[i] if r.best is None else r.best for i, r in enumerate(rows)])
        momentum, weights = torch.zeros_like(x), 0.0
        for step in range(steps + 1):
            every = self.bundle.log_ratios(x.requires_grad_())
            ratios = every[torch.arange(len(x)), target]
            with torch.no_grad():
                if ball_at(step) <= radius:
                    largest, wrong = ratios.amax(1), every.amax(2).scatter(1, self.y[of][:, None], 9.0).amin(1)
                    least, best = torch.minimum(least, largest), torch.where((largest < least)[:, None, None, None], x, best)
                    for i in (wrong < 1e-4).nonzero().flatten().tolist():
                        if of[i].item() not in found and self.succeeds(x[i], of[i].item(), norm, radius):
                            found[of[i].item()] = x[i].detach().clone()
            left = torch.tensor([image not in found for image in of.tolist()])
            if step == steps or not left.any():
                break
            weights = (weights + 0.3 * ratios.detach().clamp(-1, 1)).clamp(-3, 3)  # of the Lagrangian
            (gradient,) = torch.autograd.grad(loss_of(ratios, kind, weights)[left].sum(), x)
            np.add.at(self.spent, of[left].numpy(), 1)
            x = x.detach()
            gradient = gradient.masked_fill(((x <= 0) & (gradient > 0)) | ((x >= 1) & (gradient < 0)), 0)
            momentum = (0.5 if norm == "l2" else 0.75) * momentum + gradient / size(gradient)
            length = ball_at(step) * (0.005 + first * (0.5 + 0.5 * np.cos(np.pi * step / steps)))
            x = x - length * (momentum / size(momentum) if norm == "l2" else momentum.sign())
            x = project(x, self.x[of], norm, ball_at(step + 1))
            of, target, x, least, best, momentum, weights = (value[left] for value in (of, target, x, least, best, momentum, weights))
            rows = [row for row, is_left in zip(rows, left.tolist()) if is_left]
        return [row._replace(best=image, loss=loss) for row, image, loss in zip(rows, best, least.tolist())]

    def succeeds(self, x, image, norm, radius):
        values = x.detach().numpy()
        change = np.abs(values.astype(np.float64) - self.x[image].numpy()).ravel()
        within = (change.max() if norm == "linf" else np.linalg.norm(change)) <= radius * (1 + 1e-6) and 0 <= values.min() and values.max() <= 1
        return within and self.bundle.verdicts(values)[0] not in (-1, self.y[image].item())

    def run(self, images, norm, radius, extra, effort):
        """Successive halving over rows. Returns {image: changed image}."""
        rows, found = [row for image in images for row in self.starts(image, norm, radius, 3 * effort)] + extra, {}
        for (hopeless, most), options in STAGES:
            groups = [sorted((row for row in rows if row.image == image), key=lambda row: row.loss) for image in images]
            chosen = [row for group in groups if group and group[0].loss <= hopeless for row in group[: most * effort]]
            ids, again = {id(row) for row in chosen}, []
            for begin in range(0, len(chosen), 128):
                if part := [row for row in chosen[begin : begin + 128] if row.image not in found]:
                    again += self.descend(part, found, norm, radius, *options)
            rows = [row for row in again + [row for row in rows if id(row) not in ids] if row.image not in found]
        return found


def main():
    parser = argparse.ArgumentParser()
    options = {"bundle": "", "mnist": "", "indices": "", "images": 300, "seed": 1, "linf": ".3,.2,.1", "l2": "1.5,1", "out": ""}
    for name, default in options.items():
        parser.add_argument("--" + name, type=type(default), default=default, required=name in ("bundle", "mnist", "indices"))
    asked = parser.parse_args()
    indices = np.array(json.loads(Path(asked.indices).read_text())[: asked.images])
    images, labels = (values[indices] for values in read(asked.mnist, "t10k"))
    attack, n = Attack(Bundle(asked.bundle), images, labels, *read(asked.mnist, "train"), asked.seed), len(images)
    verdicts = attack.bundle.verdicts(images)
    wrong = [i for i in range(n) if verdicts[i] not in (-1, labels[i])]  # as they are
    each = [{"index": int(indices[i]), "label": int(labels[i]), "clean": int(verdicts[i]), "found": {}} for i in range(n)]
    answer = {"images": n, "seed": asked.seed, "clean wrong": len(wrong), "clean rejected": int((verdicts < 0).sum()), "radii": {}}
    for norm, radii in (("linf", asked.linf), ("l2", asked.l2)):
        todo, extra = [i for i in range(n) if i not in wrong], []
        for radius in sorted((float(text) for text in radii.split(",") if text), reverse=True):
            begun, attack.spent[:] = time.time(), 0
            found = attack.run(todo, norm, radius, extra, 3 if extra else 1)
            extra = [Row(i, int(attack.bundle.verdicts(image)[0]), image, image) for i, image in found.items()]
            for row in extra:
                each[row.image]["found"][f"{norm} {radius}"] = row.target
            b, gradients = len(found) + len(wrong), attack.spent[todo].mean() if todo else 0
            low, high = beta.ppf(0.025, b, n - b + 1) if b else 0.0, beta.ppf(0.975, b + 1, n - b) if b < n else 1.0
            figures = {"broken": b, "percent": 100 * b / n, "interval": [100 * low, 100 * high], "attacked": len(todo), "gradients": gradients}
            figures |= {"rejected as they are": sum(each[i]["clean"] < 0 for i in found), "seconds": time.time() - begun}
            answer["radii"][f"{norm} {radius}"], todo = figures, sorted(found)
    if asked.out:
        Path(asked.out).write_text(json.dumps({**answer, "each": each}))
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
