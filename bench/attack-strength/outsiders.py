"""Attacks on a bundle that are not the project's: those of foolbox and torchattacks, and one written for this in PyTorch.

Usage: outsiders.py DIRECTORY; called by bench/outsiders.ts
"""
import json
import sys
import time
import warnings
from pathlib import Path

import foolbox
import numpy as np
import torch
import torchattacks
from detector import Detector

warnings.filterwarnings("ignore")
torch.set_num_threads(1)
torch.manual_seed(0)
np.random.seed(0)
directory = Path(sys.argv[1])
asked = json.loads((directory / "asked.json").read_text())
detector = Detector(asked["bundle"])
classes = len(detector.screening["classes"])
labels = torch.tensor(asked["labels"])

x = torch.from_numpy(detector.images_of(directory / "clean.f32"))
# Rows: accepted training images of wrong classes, with the image that each is a start for.
starts = torch.from_numpy(detector.images_of(directory / "starts.f32"))
of, wanted = torch.tensor(asked["of"]), torch.tensor(asked["targets"])
# The first row of each image and class is the nearest own image of that class.
rank = torch.tensor([sum(1 for j in range(i) if of[j] == of[i] and wanted[j] == wanted[i]) for i in range(len(of))])
flat = lambda change: change.flatten(1)
length = {"linf": lambda change: flat(change).abs().amax(1), "l2": lambda change: flat(change).norm(dim=1)}
best = {}


def judge(attack, norm, images, at):
    """Keeps the smallest change of each image that screen.onnx accepts as a wrong class. at: the image that each was made from"""
    label, accepted = detector.verdicts(images.detach().numpy())
    away = length[norm](images.detach() - x[at])
    kept = best.setdefault((attack, norm), np.full(len(x), np.inf))
    for i, row in enumerate(at.tolist()):
        if accepted[i] and label[i] != labels[row]:
            kept[row] = min(kept[row], float(away[i]))


class Wrapped(torch.nn.Module):
    """The detector as a classifier of k + 1 classes: that of class t is minus its largest log ratio, that of reject is 0."""

    def __init__(self):
        super().__init__()
        self.unused = torch.nn.Parameter(torch.zeros(1))

    def forward(self, images):
        worst = detector.log_ratios(images).amax(2)
        return torch.cat([-worst, torch.zeros(len(images), 1)], 1)


def torchattacks_apgdt(norm, radius):
    """APGD on targeted DLR towards every wrong class."""
    model = Wrapped()
    attack = torchattacks.APGDT(model, norm="Linf" if norm == "linf" else "L2", eps=radius, steps=50, n_classes=classes)
    for target_class in range(2, classes + 1):
        attack.target_class = target_class
        _, _, _, found = attack.attack_single_run(x, labels)
        judge("torchattacks APGD-T, 50 steps x 9 targets", norm, found, torch.arange(len(x)))


def foolbox_from_starts(name, attack, norm, most):
    """Towards the nearest classes, each from the nearest accepted training image of that class."""
    model = foolbox.PyTorchModel(Wrapped().eval(), bounds=(0, 1))
    order = [[i for i in range(len(of)) if of[i] == row and rank[i] == 0][:most] for row in range(len(x))]
    for place in range(most):
        at = torch.tensor([own[place] for own in order])
        criterion = foolbox.criteria.TargetedMisclassification(wanted[at])
        _, found, _ = attack(model, x, criterion, epsilons=None, starting_points=starts[at])
        judge(name, norm, found, torch.arange(len(x)))


def descend(norm, radius, steps=200, at_once=400):
    """The smooth largest log ratio of the target's tests, from own images of wrong classes, in a ball that shrinks to the radius.

    Steps follow the gradient (l2) or its sign (linf), with momentum, and give nothing to values that would leave [0, 1].
    """
    for begin in range(0, len(of), at_once):
        rows = torch.arange(begin, min(begin + at_once, len(of)))
        rows = rows[[not (best[("the last one", norm)][row] <= radius) for row in of[rows].tolist()]]
        if len(rows) == 0:
            continue
        origin, target = x[of[rows]], wanted[rows]
        first = length[norm](starts[rows] - origin)
        images, momentum = starts[rows].clone(), torch.zeros_like(origin)
        view = lambda value: value[:, None, None, None]
        for step in range(steps + 1):
            share = min(1, step / (0.7 * steps))
            ball = first * (1 - share) + radius * share
            change = images - origin
            if norm == "linf":
                change = torch.minimum(torch.maximum(change, -view(ball)), view(ball))
            else:
                change = change * view((ball / length["l2"](change).clamp(min=1e-9)).clamp(max=1))
            images = (origin + change).clamp(0, 1).requires_grad_()
            ratios = detector.log_ratios(images)[torch.arange(len(rows)), target]
            if share == 1:
                passing = ratios.detach().amax(1) < 1e-3
                if bool(passing.any()):
                    judge("the last one", norm, images[passing], of[rows[passing]])
            if step == steps:
                break
            (gradient,) = torch.autograd.grad((0.1 * torch.logsumexp(ratios / 0.1, 1)).sum(), images)
            blocked = ((images <= 0) & (gradient > 0)) | ((images >= 1) & (gradient < 0))
            gradient = gradient.masked_fill(blocked, 0)
            momentum = 0.7 * momentum + gradient / view(flat(gradient).norm(dim=1).clamp(min=1e-12))
            move = view(ball) * 0.3 * (1 - 0.95 * step / steps)
            direction = momentum.sign() if norm == "linf" else momentum / view(flat(momentum).norm(dim=1).clamp(min=1e-12))
            images = (images - move * direction).detach().clamp(0, 1)


# The detector must be the bundle: the same verdicts as screen.onnx.
with torch.no_grad():
    ratios = detector.log_ratios(torch.cat([x, starts])).amax(2)
label, accepted = detector.verdicts(torch.cat([x, starts]).numpy())
clear = ratios.amin(1).abs() > 1e-4
differ = int(((ratios.amin(1) <= 0).numpy() != accepted)[clear.numpy()].sum())
print(json.dumps({"verdicts compared": len(label), "differ": differ}), file=sys.stderr, flush=True)

for norm, radii in asked["radii"].items():
    begun = time.perf_counter()
    report = lambda: print(norm, round(time.perf_counter() - begun), "s", file=sys.stderr, flush=True)
    every = torch.arange(len(x))
    for name in ("as they are", "the last one"):
        judge(name, norm, x, every)
    for radius in radii:
        torchattacks_apgdt(norm, radius)
    report()
    fmn = foolbox.attacks.LInfFMNAttack(steps=200) if norm == "linf" else foolbox.attacks.L2FMNAttack(steps=200)
    foolbox_from_starts("foolbox FMN, 200 steps x 3 targets", fmn, norm, 3)
    report()
    bb = foolbox.attacks.LinfinityBrendelBethgeAttack if norm == "linf" else foolbox.attacks.L2BrendelBethgeAttack
    foolbox_from_starts("foolbox Brendel-Bethge, 60 steps, nearest class", bb(steps=60, lr_num_decay=10), norm, 1)
    report()
    for radius in radii:
        descend(norm, radius)
        report()

answer = {
    "versions": {"torch": torch.__version__, "foolbox": foolbox.__version__, "torchattacks": torchattacks.__version__},
    "verdicts": {"compared": len(label), "differ": differ},
    "nearest": [
        {"attack": attack, "norm": norm, "nearest": [round(v, 6) if np.isfinite(v) else None for v in kept.tolist()]}
        for (attack, norm), kept in best.items()
    ],
}
(directory / "answer.json").write_text(json.dumps(answer))
