"""Trains one of the peers on the batches that bench/unknown-peers.ts wrote.

Usage: train.py FOLDER PEER EPOCHS
"""
import json
import sys
import time
from pathlib import Path

import numpy as np
import torch
from networks import Classifier, Vae
from torch.nn import functional

CLASSES = 10
SIDE = 28


def plain(network, own, _, labels):
    return functional.cross_entropy(network(own).float(), labels)


def softmax_exposed(network, own, outliers, labels):
    """Outlier exposure (Hendrycks, Mazeika and Dietterich 2019): outliers are to have the uniform distribution, weight .5."""
    logits = network(torch.cat([own, outliers])).float()
    uniform = -logits[len(own) :].log_softmax(1).mean()
    return functional.cross_entropy(logits[: len(own)], labels) + 0.5 * uniform


def energy_exposed(network, own, outliers, labels):
    """Energy with margins (Liu, Wang, Owens and Li 2020): -23 and -5, weight .1, as theirs."""
    logits = network(torch.cat([own, outliers])).float()
    energy = -logits.logsumexp(1)
    over, under = (energy[: len(own)] + 23).relu(), (-5 - energy[len(own) :]).relu()
    margins = (over**2).mean() + (under**2).mean()
    return functional.cross_entropy(logits[: len(own)], labels) + 0.1 * margins


def extra_class(network, own, outliers, labels):
    targets = torch.cat([labels, torch.full((len(outliers),), CLASSES)])
    return functional.cross_entropy(network(torch.cat([own, outliers])).float(), targets)


def vae(network, own, _, __):
    return network.loss(own)


# Loss, network and learning rate; the classifiers' is that of the house's preset, the VAE's that of alibi-detect.
PEERS = {
    "plain": (plain, lambda: Classifier(CLASSES), 2e-3),
    "softmax-exposed": (softmax_exposed, lambda: Classifier(CLASSES), 2e-3),
    "energy-exposed": (energy_exposed, lambda: Classifier(CLASSES), 2e-3),
    "extra-class": (extra_class, lambda: Classifier(CLASSES + 1), 2e-3),
    "vae": (vae, Vae, 1e-3),
}


def batches(path):
    content = np.fromfile(path, np.uint8)
    at = 0
    while at < len(content):
        own, outliers = (int(count) for count in content[at : at + 8].view("<u4"))
        at += 8
        labels = torch.from_numpy(content[at : at + own].astype(np.int64))
        at += own
        size = (own + outliers) * SIDE * SIDE
        images = torch.from_numpy(content[at : at + size]).float().div_(255).reshape(-1, 1, SIDE, SIDE)
        at += size
        yield images[:own], images[own:], labels


def rate_at(step, steps, peak):
    """The schedule of trainer/fit.ts: warm-up over a tenth, then linear to 2 %."""
    warm_up = max(1, steps // 10)
    return peak * (step + 1) / warm_up if step < warm_up else peak * (1 - 0.98 * (step - warm_up) / max(1, steps - warm_up))


def train(folder, peer, epochs):
    torch.manual_seed(1)
    loss_of, make, peak = PEERS[peer]
    network = make().to(memory_format=torch.channels_last)
    parameters = list(network.parameters())
    optimizer = torch.optim.Adam(parameters, lr=peak, betas=(0.9, 0.99))
    average = [parameter.detach().clone() for parameter in parameters]
    per_epoch = sum(1 for _ in batches(folder / "epoch-0.batches"))
    steps, step, begun = epochs * per_epoch, 0, time.process_time()
    for epoch in range(epochs):
        for own, outliers, labels in batches(folder / f"epoch-{epoch}.batches"):
            optimizer.param_groups[0]["lr"] = rate_at(step, steps, peak)
            with torch.autocast("cpu", torch.bfloat16):
                loss = loss_of(network, own, outliers, labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            step += 1
            with torch.no_grad():
                torch._foreach_lerp_(average, [parameter.detach() for parameter in parameters], 1 - min(0.999, (1 + step) / (10 + step)))
        print(f"{peer}: epoch {epoch + 1} of {epochs}, loss {loss.item():.4f}", file=sys.stderr, flush=True)
    with torch.no_grad():
        for parameter, value in zip(parameters, average):
            parameter.copy_(value)
    torch.save(network.state_dict(), folder / f"{peer}.pt")
    minutes = (time.process_time() - begun) / 60
    (folder / f"{peer}.json").write_text(json.dumps({"epochs": epochs, "steps": steps, "cpuMinutes": round(minutes, 2)}))


if __name__ == "__main__":
    torch.set_num_threads(1)
    train(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
