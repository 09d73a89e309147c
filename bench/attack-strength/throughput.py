"""Milliseconds of one gradient of a batch of 90 images through encoder and decoder, one thread: throughput.py BUNDLE PASSES"""
import json
import sys
import time

import torch
from detector import Detector

torch.set_num_threads(1)
detector = Detector(sys.argv[1])
shape = detector.screening["input"]
images = torch.rand(90, shape["height"], shape["width"], shape["channels"])
times = []
for _ in range(int(sys.argv[2])):
    started = time.perf_counter()
    x = images.clone().requires_grad_(True)
    latents = detector.encoder(x)
    errors = (x - detector.decoder(latents)).square().flatten(1).sum(1)
    torch.autograd.grad((errors + latents.square().sum(1)).sum(), x)
    times.append(1000 * (time.perf_counter() - started))
print(json.dumps(times[2:]))
