"""The attacks of torchattacks and ART on a bundle, and the verdict on theirs and on ours.

Usage: peers.py DIRECTORY; called by bench/attack-strength.ts
"""
import json
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import torch
import torchattacks
from art.attacks.evasion import AutoProjectedGradientDescent, ProjectedGradientDescentPyTorch
from art.estimators.classification import PyTorchClassifier
from detector import Detector

warnings.filterwarnings("ignore")
torch.set_num_threads(1)
directory = Path(sys.argv[1])
asked = json.loads((directory / "asked.json").read_text())
detector = Detector(asked["bundle"])
classes = len(detector.screening["classes"])
labels = torch.tensor(asked["labels"])


clean = detector.images_of(directory / "clean.f32")
x = torch.from_numpy(clean)


class Wrapped(torch.nn.Module):
    """
    The detector as a classifier.

    `plain`: the k logits of the encoder.
    `k+1`: the logit of class t is minus the largest log ratio of its tests, that of the last class, reject, is 0. So the largest logit is t
    only where the detector accepts t.
    `right`: the k + 1 logits with reject joined to the true class (the larger of the two), so an untargeted success is an undetected error.

    Every image of a full batch that gets through on the way counts, not only the last.
    """

    def __init__(self, kind):
        super().__init__()
        self.kind, self.broken, self.gradients = kind, np.zeros(len(labels), bool), 0
        self.unused = torch.nn.Parameter(torch.zeros(1))

    def forward(self, images):
        if torch.is_grad_enabled() and images.requires_grad:
            self.gradients += len(images)
        if self.kind == "plain":
            return detector.logits(images)
        accepted = -detector.log_ratios(images).amax(2)
        if len(images) == len(labels):
            self.note(images.detach(), accepted.detach())
        if self.kind == "k+1":
            return torch.cat([accepted, torch.zeros(len(images), 1)], 1)
        own = torch.nn.functional.one_hot(labels, classes).bool()
        return torch.where(own, accepted.clamp(min=0), accepted)

    def note(self, images, accepted):
        """The verdict is screen.onnx's, asked where PyTorch says yes, or nearly."""
        highest, label = accepted.max(1)
        if bool(((highest > -1e-3) & (label != labels) & ~torch.from_numpy(self.broken)).any()):
            self.judge(images.numpy())

    def judge(self, images):
        within = np.abs(images - clean).max((1, 2, 3)) <= self.eps + 1e-6
        label, accepted = detector.verdicts(images)
        self.broken |= within & accepted & (label != labels.numpy())


def targets():
    """Each wrong class in turn, of every image."""
    return [(labels + shift) % classes for shift in range(1, classes)]


def steps_for(rounds):
    return asked["gradients"] // rounds


def torchattacks_pgd(model, eps, targeted, random_start=True):
    rounds = classes - 1
    attack = torchattacks.PGD(model, eps=eps, alpha=eps / 10, steps=steps_for(rounds), random_start=random_start)
    if targeted:
        attack.set_mode_targeted_by_label(quiet=True)
    for target in targets():
        model.judge(attack(x, target if targeted else labels).detach().numpy())


def torchattacks_apgd(model, eps, loss):
    for seed in range(classes - 1):
        torch.manual_seed(seed)
        attack = torchattacks.APGD(model, norm="Linf", eps=eps, steps=steps_for(classes - 1) - 1, loss=loss)
        _, _, _, found = attack.attack_single_run(x, labels)
        model.judge(found.detach().numpy())


def torchattacks_apgd_targeted(model, eps):
    torch.manual_seed(0)
    attack = torchattacks.APGDT(model, norm="Linf", eps=eps, steps=steps_for(classes - 1) - 1, n_classes=classes)
    for target_class in range(2, classes + 1):
        attack.target_class = target_class
        _, _, _, found = attack.attack_single_run(x, labels)
        model.judge(found.detach().numpy())


def art_classifier(model):
    outputs = classes + 1 if model.kind == "k+1" else classes
    return PyTorchClassifier(model, torch.nn.CrossEntropyLoss(), tuple(clean.shape[1:]), outputs, clip_values=(0, 1), device_type="cpu")


def art_pgd(model, eps):
    attack = ProjectedGradientDescentPyTorch(
        art_classifier(model),
        eps=eps,
        eps_step=eps / 10,
        max_iter=steps_for(classes - 1),
        targeted=True,
        num_random_init=1,
        batch_size=len(x),
        verbose=False,
    )
    for target in targets():
        model.judge(attack.generate(clean, target.numpy()))


def art_apgd(model, eps, loss):
    torch.manual_seed(0)
    np.random.seed(0)
    attack = AutoProjectedGradientDescent(
        art_classifier(model),
        eps=eps,
        eps_step=2 * eps,
        max_iter=steps_for(classes - 1),
        nb_random_init=1,
        batch_size=len(x),
        loss_type=loss,
        targeted=True,
        verbose=False,
    )
    for target in targets():
        model.judge(attack.generate(clean, target.numpy()))


def reference(model, eps):
    """Takes 100 signed steps from x for each wrong class, down the sum of what each score is over its threshold."""
    steps = 100
    for target in targets():
        images = x.clone()
        for step in range(steps):
            images.requires_grad_()
            model.gradients += len(images)
            all_ratios = detector.log_ratios(images)
            model.note(images.detach(), -all_ratios.detach().amax(2))
            ratios = all_ratios[torch.arange(len(x)), target]
            (gradient,) = torch.autograd.grad((ratios.exp() - 1).relu().sum(), images)
            length = eps / 4 * (1 - step / steps)
            images = images.detach() - length * gradient.sign()
            images = torch.minimum(torch.maximum(images, x - eps), x + eps).clamp(0, 1)
        model.judge(images.numpy())


PEERS = {
    "torchattacks PGD, plain logits, untargeted": ("plain", lambda m, eps: torchattacks_pgd(m, eps, False)),
    "torchattacks APGD-CE, plain logits": ("plain", lambda m, eps: torchattacks_apgd(m, eps, "ce")),
    "torchattacks PGD, k + 1 logits, targeted": ("k+1", lambda m, eps: torchattacks_pgd(m, eps, True)),
    "torchattacks PGD from the image, k + 1 logits, targeted": ("k+1", lambda m, eps: torchattacks_pgd(m, eps, True, False)),
    "torchattacks APGD-CE, reject counted as right": ("right", lambda m, eps: torchattacks_apgd(m, eps, "ce")),
    "torchattacks APGD-DLR, reject counted as right": ("right", lambda m, eps: torchattacks_apgd(m, eps, "dlr")),
    "torchattacks APGD-T (targeted DLR), reject counted as right": ("right", torchattacks_apgd_targeted),
    "ART PGD, k + 1 logits, targeted": ("k+1", art_pgd),
    "ART APGD-CE, k + 1 logits, targeted": ("k+1", lambda m, eps: art_apgd(m, eps, "cross_entropy")),
    "reference in PyTorch: sum of hinges from the image": ("k+1", reference),
}


def run(name, eps):
    kind, attack = PEERS[name]
    model = Wrapped(kind)
    model.eps = eps
    torch.manual_seed(0)
    np.random.seed(0)
    begun = time.perf_counter()
    attack(model, eps)
    return {
        "attack": name,
        "eps": eps,
        "gradients": model.gradients / len(x),
        "broken": model.broken.nonzero()[0].tolist(),
        "seconds": round(time.perf_counter() - begun, 1),
    }


def ours(eps, file, of):
    """Each image as it is and all that our attack found for it. of: the image that each belongs to"""
    images, of = detector.images_of(directory / file), np.array(of)
    within = np.abs(images - clean[of]).max((1, 2, 3)) <= eps + 1e-6
    label, accepted = detector.verdicts(images)
    return sorted({int(i) for i in of[within & accepted & (label != labels.numpy()[of])]})


def fgsm(eps, file):
    """torchattacks' FGSM beside ours: the same loss."""
    own = detector.images_of(directory / file)
    theirs = torchattacks.FGSM(lambda_module(detector.logits), eps=eps)(x, labels).detach().numpy()
    points = x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(torch.nn.functional.cross_entropy(detector.logits(points), labels, reduction="sum"), points)
    gradient = gradient.numpy()
    other = np.abs(own - theirs) > 1e-5
    scale = np.abs(gradient).max((1, 2, 3), keepdims=True)
    return {
        "values": int(own.size),
        "different": int(other.sum()),
        "largestDifferenceElsewhere": float(np.abs(own - theirs)[~other].max()),
        "largestGradientWhereDifferent": float((np.abs(gradient) / scale)[other].max(initial=0)),
    }


def lambda_module(function):
    class Module(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.unused = torch.nn.Parameter(torch.zeros(1))

        def forward(self, images):
            return function(images)

    return Module()


answer = {
    "versions": {"torch": torch.__version__, "torchattacks": torchattacks.__version__, "art": __import__("art").__version__},
    "fgsm": fgsm(asked["fgsm"]["eps"], asked["fgsm"]["file"]),
    "ours": [{**each, "broken": ours(each["eps"], each["file"], each["of"])} for each in asked["ours"]],
    "theirs": [],
}
for eps in asked["radii"]:
    for name in PEERS:
        answer["theirs"].append(run(name, eps))
        print(json.dumps({**answer["theirs"][-1], "broken": len(answer["theirs"][-1]["broken"])}), file=sys.stderr, flush=True)
(directory / "answer.json").write_text(json.dumps(answer))
