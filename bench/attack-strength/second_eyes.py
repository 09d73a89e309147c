"""A second attack on a bundle: racing starts, then the nearest image that is accepted as a wrong class.

Uses screen.onnx and screening.json alone. An image is broken within a radius where a float32 image within it is accepted as a wrong class
by ONNX Runtime. Per norm:
1. Start at the two nearest training images of each wrong class; a ball that shrinks from 1.8 times the radius to it, a few steps.
2. The three starts of least loss: minimum norm (the ball shrinks while the image is accepted, and grows while it is not).
3. Digits found within 1.15 times the radius: 20 starts of every wrong class race as in 1, the ten best go on as in 2, longer, and the
   five best with another loss.
4. Their three best images go on from where they are, with either loss and once with noise, in float32.
Starts are training images, also shifted by a pixel. Steps 1 to 3 are in bfloat16. Direction: the gradient in l2, its sign in linf.
Usage: python second_eyes.py --bundle DIR --mnist DIR [--indices FILE] [--images N] [--seed S] [--norms linf,l2] [--out FILE]
Needs: torch, numpy, onnx, onnxruntime, scipy. Prints one line of JSON.
"""
import argparse, json, math, sys
import numpy as np, onnx, onnxruntime, torch
from scipy.stats import beta
from torch.nn import functional as F
RADII = {"linf": [0.05, 0.1, 0.2, 0.3], "l2": [0.5, 1, 1.5, 2]}
class Bundle:
    """screen.onnx in PyTorch. The label is given from outside, so that every score has a gradient for every class."""
    def __init__(self, folder):
        self.gradients, screening = 0, json.load(open(f"{folder}/screening.json"))
        graph = onnx.load(f"{folder}/screen.onnx").graph
        self.constants = {t.name: torch.from_numpy(np.array(onnx.numpy_helper.to_array(t))) for t in graph.initializer}
        self.whole = {name: t.tolist() for name, t in self.constants.items() if t.dtype == torch.int64}
        attributes = lambda node: {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
        self.nodes = [(n.op_type, list(n.input), n.output[0], attributes(n)) for n in graph.node]
        self.limits64 = {name: np.array(values) for name, values in screening["thresholds"].items()}
        self.limits = {name: torch.tensor(v, dtype=torch.float32) for name, v in self.limits64.items()}
        self.offset, self.means = screening["relativeErrorOffset"], torch.tensor(screening["means"], dtype=torch.float32)
        self.guarantee = screening.get("guarantee")
        self.name, self.session = screening["name"], onnxruntime.InferenceSession(f"{folder}/screen.onnx")
    def graph(self, images, label=None):
        v = {"image": images.view(-1, 28, 28, 1), **self.constants}
        for kind, names, out, a in self.nodes:
            x, y = v[names[0]], v.get(names[1]) if len(names) > 1 else None
            axes = a.get("axes") or self.whole.get(names[-1])
            conv = lambda function: function(x, y, v[names[2]], stride=a["strides"], padding=a["pads"][0])
            v[out] = {
                "ArgMin": lambda: x.argmin(1) if label is None else label,
                "Reshape": lambda: x.reshape([x.shape[i] if n == 0 else n for i, n in enumerate(axes)]),
                **{"Transpose": lambda: x.permute(a["perm"]), "Unsqueeze": lambda: x.unsqueeze(axes[0]), "Gather": lambda: x[y]},
                **{"Conv": lambda: conv(F.conv2d), "ConvTranspose": lambda: conv(F.conv_transpose2d)},
                **{"Gemm": lambda: torch.addmm(v[names[2]], x, y), "Relu": lambda: x.relu(), "Sigmoid": lambda: x.sigmoid()},
                **{"Identity": lambda: x, "Abs": lambda: x.abs(), "Sub": lambda: x - y, "Add": lambda: x + y, "Mul": lambda: x * y},
                **{"Max": lambda: torch.maximum(x, y), "Min": lambda: torch.minimum(x, y), "ReduceSum": lambda: x.sum(axes)},
                **{"ReduceSumSquare": lambda: x.square().sum(axes), "ReduceMax": lambda: x.amax(axes)},
            }[kind]()
        return v
    def scores(self, v, energy):
        error, relative = v["reconstruction_error"], v["reconstruction_error"] / (energy + self.offset)
        names = ("maxLatentDistance", "maxReconstructionError", "maxRelativeError", "maxRivalMargin")
        return dict(zip(names, (v["latent_distance"], error, relative, v.get("rival_margin"))))
    def ratios(self, images, targets):
        """log(score / threshold) of each test for the target class, the nearest-mean test first: accepted where all are <= 0"""
        v = self.graph(images, targets)
        away, scores = (v["latent"][:, None] - self.means).square().sum(2), self.scores(v, images.square().sum(1))
        nearest_mean = away.gather(1, targets[:, None])[:, 0] / away.scatter(1, targets[:, None], 1e9).amin(1)
        rows = [scores[name] / limit[targets] for name, limit in self.limits.items()]
        return (torch.stack([nearest_mean, *rows], 1) + 1e-12).log()
    def step(self, images, targets, half, smooth=False):
        """gradient of the loss, and the largest test"""
        self.gradients += len(images)
        images = images.detach().requires_grad_()
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            ratios = self.ratios(images, targets).float()
        loss = (4 * ratios).logsumexp(1) / 4 if smooth else (ratios.clamp(max=4).exp() - 0.95).relu().sum(1)
        loss = loss.sum() + 0.01 * ratios.sum()
        return torch.autograd.grad(loss, images)[0], ratios.detach().amax(1)
    def verdict(self, images):
        """label and whether it is accepted, by ONNX Runtime in float32"""
        found = self.session.run(None, {"image": images.reshape(-1, 28, 28, 1)})
        v = {output.name: value for output, value in zip(self.session.get_outputs(), found)}
        label, scores = v["label"], self.scores(v, np.square(images.astype(float)).sum(1))
        return label, np.all([(scores[n] >= -1e-3) & (scores[n] <= limit[label]) for n, limit in self.limits64.items()], 0)
length = lambda d, norm: d.abs().amax(1) if norm == "linf" else d.norm(dim=1)
def project(x, origin, norm, radius):
    d, radius = x - origin, torch.as_tensor(radius).view(-1, 1)
    shrunk = lambda: d * (radius / (d.norm(dim=1, keepdim=True) + 1e-12)).clamp(max=1)
    return (origin + (torch.minimum(torch.maximum(d, -radius), radius) if norm == "linf" else shrunk())).clamp(0, 1)
def direction(gradient, x, norm):
    if norm == "linf":
        return -gradient.sign()
    d = torch.where(((gradient > 0) & (x <= 0)) | ((gradient < 0) & (x >= 1)), torch.zeros(()), -gradient)
    return F.normalize(d / (d.abs().amax(1, keepdim=True) + 1e-30))
def race(bundle, norm, radius, origin, start, targets, steps=8, reach=1.8):
    """a ball that shrinks from the start to the radius; the largest test at its end"""
    x = project(start, origin, norm, radius * reach)
    for k in range(steps):
        share = min(1, (k + 1) / (0.7 * steps))
        now = radius * reach ** (1 - share)
        size = now * 0.5 * (1 if share < 1 else 0.5 * 0.7 ** (k - 0.7 * steps))
        x = project(x + direction(bundle.step(x, targets, True)[0], x, norm) * size, origin, norm, now)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        return bundle.ratios(x, targets).float().amax(1)
def on_line(bundle, origin, start, targets):
    share = torch.full((len(origin),), 0.9)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        for point in (0.8, 0.7, 0.6, 0.5, 0.4, 0.3):
            ok = bundle.ratios(origin + (start - origin) * point, targets).float().amax(1) <= -0.01
            share = torch.where(ok, torch.tensor(point), share)
    return origin + (start - origin) * share[:, None]
def nearest(bundle, norm, origin, start, targets, steps, half, smooth=False, size=(0.2, 0.005), rate=(0.08, 0.002)):
    """minimum norm: the radius of the nearest image found that is accepted as the target, and that image"""
    decay = lambda pair, p: pair[1] + (pair[0] - pair[1]) * (1 + math.cos(math.pi * p)) / 2
    x, found, best = start.clone(), start.clone(), torch.full((len(start),), math.inf)
    radius = length(x - origin, norm).clamp(min=0.02 if norm == "linf" else 0.2)
    for k in range(steps + 1):
        gradient, largest = bundle.step(x, targets, half, smooth)
        ok, far, r = largest <= (-0.01 if half else -1e-4), length(x - origin, norm), decay(rate, k / steps)
        better = ok & (far < best)
        best, found = torch.where(better, far, best), torch.where(better[:, None], x, found)
        radius = torch.where(ok, torch.minimum(far, radius) * (1 - r), torch.minimum(radius * (1 + r), best * (1 - rate[1])))
        x = project(x + direction(gradient, x, norm) * (radius * decay(size, k / steps))[:, None], origin, norm, radius)
    return best, found
def chunked(function, *rows, size=200):
    parts = [function(*[r[at : at + size] for r in rows]) for at in range(0, len(rows[0]), size)]
    return [torch.cat(part) for part in zip(*parts)]
def attack(bundle, norm, radius, x, labels, train, train_labels):
    """The best of each image, [radius, label], by steps 1 to 4 above; then the clean verdicts."""
    n, k = len(x), len(bundle.means)
    best, (clean_label, clean_ok) = [[math.inf, -1] for _ in range(n)], bundle.verdict(x.numpy())
    def note(images, of):
        images = images.numpy()
        label, ok = bundle.verdict(images)
        far = length(torch.from_numpy(images) - x[of], norm).tolist()
        for row, i in enumerate(of.tolist()):
            if ok[row] and label[row] != labels[i] and far[row] < best[i][0]:
                best[i] = [far[row], int(label[row])]
    note(x, torch.arange(n))
    squares = train.square().sum(1)[None] - 2 * x @ train.T
    near = torch.stack([torch.where(train_labels == c, squares, torch.inf).topk(20, largest=False).indices for c in range(k)], 1)
    def raced(rows, starts, keep):
        """races the rows (image, class) from the starts; the best few of each image come last"""
        of, target = rows.T
        loss = chunked(lambda *rows: (race(bundle, norm, radius, *rows),), x[of], train[starts], target)[0]
        chosen = [at[loss[at].argsort()[:keep]] for at in (torch.nonzero(of == i)[:, 0] for i in range(n)) if len(at)]
        return of, target, loss, torch.cat(chosen)
    def refined(of, target, starts, steps, smooth=False):
        go = lambda o, s, t: nearest(bundle, norm, o, on_line(bundle, o, s, t), t, steps, True, smooth)
        found = chunked(go, x[of], train[starts], target)
        note(found[1], of)
        return of, target, *found
    rows = torch.tensor([(i, c) for i in range(n) for c in range(k) if c != labels[i] for _ in range(2)])
    starts = torch.cat([near[i, c, :2] for i, c in rows[::2].tolist()])
    of, target, loss, at = raced(rows, starts, 3)
    pool = [refined(of[at], target[at], starts[at], 50)]
    promising = [i for i in range(n) if pool[0][2][of[at] == i].min() <= 1.15 * radius and best[i][0] > 0]
    if promising:
        rows = torch.tensor([(i, c) for i in promising for c in range(k) if c != labels[i] for _ in range(20)])
        starts = torch.cat([near[i, c] for i, c in rows[::20].tolist()])
        of, target, _, at = raced(rows, starts, 10)
        pool.append(refined(of[at], target[at], starts[at], 100))
        at = at.view(-1, 10)[:, :5].reshape(-1)
        pool.append(refined(of[at], target[at], starts[at], 150, True))
        of, target, far, images = (torch.cat(part) for part in zip(*pool))
        at = torch.cat([i[far[i].argsort()[:3]] for i in (torch.nonzero(of == p)[:, 0] for p in promising)])
        of, target, images = of[at], target[at], images[at]
        for smooth, noise in ((False, 0), (True, 0), (False, 0.04)):
            go = lambda o, s, t: nearest(bundle, norm, o, s, t, 80, False, smooth, (0.12, 0.003), (0.04, 0.001))
            note(chunked(go, x[of], (images + noise * torch.randn_like(images)).clamp(0, 1), target)[1], of)
    return best, clean_label.tolist(), clean_ok.tolist()
def interval(k, n):
    return [round(float(v), 4) for v in (beta.ppf(0.025, k, n - k + 1) if k else 0, beta.ppf(0.975, k + 1, n - k) if k < n else 1)]
def main():
    p = argparse.ArgumentParser()
    for name, default in {"bundle": 0, "mnist": 0, "indices": None, "images": "300", "seed": "1", "norms": "linf,l2", "out": None}.items():
        p.add_argument("--" + name, default=default, required=default == 0)
    o = p.parse_args()
    torch.set_num_threads(1)
    read = lambda name, skip: np.fromfile(f"{o.mnist}/{name}", np.uint8)[skip:]
    scaled = lambda name: torch.from_numpy(read(name, 16).reshape(-1, 784).astype(np.float32) / np.float32(255))
    images, labels = scaled("t10k-images-idx3-ubyte"), read("t10k-labels-idx1-ubyte", 8).astype(int)
    train = scaled("train-images-idx3-ubyte").view(-1, 28, 28)
    train = torch.cat([train.roll(shift, (1, 2)).flatten(1) for shift in ((0, 0), (0, 1), (0, -1), (1, 0), (-1, 0))])
    train_labels = torch.from_numpy(read("train-labels-idx1-ubyte", 8).astype(int)).repeat(5)
    chosen = (json.load(open(o.indices)) if o.indices else list(range(len(images))))[: int(o.images)]
    bundle, results, summary = Bundle(o.bundle), [], {}
    for norm in o.norms.split(","):
        torch.manual_seed(int(o.seed))
        radius = bundle.guarantee["radius"] if bundle.guarantee and norm == "linf" else {"linf": 0.3, "l2": 1.5}[norm]
        before, own = bundle.gradients, []
        for at in range(0, len(chosen), 50):
            some = chosen[at : at + 50]
            for i, (far, target), label, ok in zip(some, *attack(bundle, norm, radius, images[some], labels[some], train, train_labels)):
                clean = "rejected" if not ok else "right" if label == labels[i] else "wrong"
                far = far if math.isfinite(far) else None
                own.append({"index": i, "label": int(labels[i]), "norm": norm, "clean": clean, "target": target, "radius": far})
            broken = [sum(e["radius"] is not None and e["radius"] <= r * (1 + 1e-5) for e in own) for r in RADII[norm]]
            wrong = sum(e["clean"] == "wrong" for e in own)
            counts = {"images": len(own), "gradientsAnImage": round((bundle.gradients - before) / len(own)), "cleanWrong": wrong}
            summary[norm] = counts | {"broken": {str(r): [k, *interval(k, len(own))] for r, k in zip(RADII[norm], broken)}}
            print(norm, json.dumps(summary[norm]), file=sys.stderr, flush=True)
            if o.out:
                json.dump(results + own, open(o.out, "w"))
        results += own
    print(json.dumps({"bundle": bundle.name, **summary}))
if __name__ == "__main__":
    main()
