"""Scores images by the peers' networks, sets each score's threshold on the calibration images, and counts what is accepted.

Usage: score.py FOLDER; called by bench/unknown-peers.ts
"""
import json
import sys
from pathlib import Path

import numpy as np
import torch
from networks import Vae
from train import CLASSES, PEERS, SIDE

torch.set_num_threads(1)
folder = Path(sys.argv[1])
asked = json.loads((folder / "asked.json").read_text())
# The k-th nearest of so many training images (Sun, Ming, Zhu and Li 2022).
NEIGHBOURS, REFERENCES = 10, 10_000


def images_of(file):
    return torch.from_numpy(np.fromfile(folder / file, "<f4").reshape(-1, 1, SIDE, SIDE))


def labels_of(split):
    return torch.from_numpy(np.fromfile(folder / f"{split}.labels", np.uint8).astype(np.int64))


def network_of(peer):
    network = PEERS[peer][1]()
    network.load_state_dict(torch.load(folder / f"{peer}.pt"))
    return network.eval()


def softmax(logits, _):
    """The log odds that it is not the most likely class: 1 - max softmax has too few digits."""
    top, label = logits[:, :CLASSES].max(1)
    others = logits.clone()
    others[torch.arange(len(logits)), label] = -torch.inf
    return others.logsumexp(1) - top


def energy(logits, _):
    return -logits.logsumexp(1)


def reject_class(logits, _):
    return logits[:, CLASSES] - logits[:, :CLASSES].logsumexp(1)


def mahalanobis(features, labels):
    """The squared distance to the nearest class mean, with one covariance (Lee, Lee, Lee and Shin 2018)."""
    means = torch.stack([features[labels == label].mean(0) for label in range(CLASSES)])
    precision = torch.linalg.pinv(torch.cov((features - means[labels]).T), hermitian=True)

    def score(_, hidden):
        apart = hidden[:, None] - means
        return torch.einsum("ncd,de,nce->nc", apart, precision, apart).amin(1)

    return score


def nearest_neighbours(features, _):
    chosen = torch.randperm(len(features), generator=torch.Generator().manual_seed(1))[:REFERENCES]
    references = torch.nn.functional.normalize(features[chosen]).float()

    def score(_, hidden):
        likeness = torch.nn.functional.normalize(hidden).float() @ references.T
        return -likeness.topk(NEIGHBOURS).values[:, -1].double()

    return score


def classifier_scores(peer, methods):
    """Returns a function from images to the label and the score by each method; a fitted method is made from the training images."""
    network = network_of(peer)

    def outputs(images):
        parts = []
        with torch.no_grad():
            for part in images.split(1000):
                hidden = network.features(part)
                parts.append((network.head(hidden).double(), hidden.double()))
        return [torch.cat(each) for each in zip(*parts)]

    labels = labels_of("train")
    features = outputs(images_of("train.f32"))[1] if any(fitted for _, fitted in methods.values()) else None
    scores = {name: method(features, labels) if fitted else method for name, (method, fitted) in methods.items()}

    def judged(images):
        logits, hidden = outputs(images)
        label = logits[:, :CLASSES].argmax(1)
        return {name: (label, score(logits, hidden)) for name, score in scores.items()}

    return judged


def vae_scores():
    """The mean squared error, over samples, of alibi-detect's OutlierVAE; it names no class."""
    torch.manual_seed(1)
    network = network_of("vae")

    def judged(images):
        with torch.no_grad():
            parts = [
                torch.stack([((part - network(part)[0]) ** 2).flatten(1).mean(1) for _ in range(Vae.SAMPLES)]).mean(0)
                for part in images.split(1000)
            ]
        return {"alibi-detect's VAE": (None, torch.cat(parts).double())}

    return judged


ON_FEATURES = {"Mahalanobis on features": (mahalanobis, True), "kNN on features": (nearest_neighbours, True)}
SCORES = {"softmax": (softmax, False), "energy": (energy, False)}


def exposed(methods):
    return {f"{name}, outlier exposure": method for name, method in methods.items()}


SOURCES = {
    "plain": lambda: classifier_scores("plain", {**SCORES, **ON_FEATURES}),
    "vae": vae_scores,
    "softmax-exposed": lambda: classifier_scores("softmax-exposed", exposed({**SCORES, **ON_FEATURES})),
    "energy-exposed": lambda: classifier_scores("energy-exposed", {"energy with margins": (energy, False)}),
    "extra-class": lambda: classifier_scores(
        "extra-class", {"extra class: its probability": (reject_class, False), "extra class: softmax of the others": (softmax, False)}
    ),
}


def counted():
    calibration, test, truth = images_of("calibration.f32"), images_of("test.f32"), labels_of("test")
    sets = {each["name"]: images_of(each["file"]) for each in asked["sets"]}
    rows = []
    for peer, source in SOURCES.items():
        judged = source()
        cuts = {name: score.sort().values[asked["rank"] - 1] for name, (_, score) in judged(calibration).items()}
        on_test, on_sets = judged(test), {name: judged(images) for name, images in sets.items()}
        for method, cut in cuts.items():
            label, score = on_test[method]
            # A score that is not a number is not at most the cut.
            accepted = score <= cut
            clean = {"images": len(truth), "rejected": int((~accepted).sum())}
            if label is not None:
                clean |= {"acceptedWrong": int((accepted & (label != truth)).sum()), "nearestRight": int((label == truth).sum())}
            unknown = {name: int((answers[method][1] <= cut).sum()) for name, answers in on_sets.items()}
            rows.append({"method": method, "network": peer, "clean": clean, "accepted": unknown})
        print(f"{peer} scored", file=sys.stderr, flush=True)
    return rows


networks = {peer: json.loads((folder / f"{peer}.json").read_text()) for peer in SOURCES}
answer = {"torch": torch.__version__, "networks": networks, "methods": counted()}
(folder / "answer.json").write_text(json.dumps(answer))
