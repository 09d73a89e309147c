"""The PyTorch side of bench/train-step.ts; speaks as worker.ts does. Usage: torch_worker.py SPEC LAYOUT THREADS"""
import json, resource, sys, time
import torch
from torch import nn

spec = json.loads(sys.argv[1])
channels_last = sys.argv[2] == "channels_last"
torch.set_num_threads(int(sys.argv[3]))
torch.manual_seed(1)


class View(nn.Module):
    def __init__(self, height, width, channels):
        super().__init__()
        self.shape = (height, width, channels)

    def forward(self, x):
        height, width, channels = self.shape
        if channels_last:  # values lie as [H, W, C], so no copy
            return x.view(-1, height, width, channels).permute(0, 3, 1, 2)
        return x.view(-1, channels, height, width)


class Flatten(nn.Module):
    def forward(self, x):
        return (x.permute(0, 2, 3, 1) if channels_last else x).flatten(1)


def build(layers, shape):
    modules = []
    for layer in layers:
        kind = layer["kind"]
        if kind in ("Conv2D", "Conv2DTranspose"):
            kernel, stride, filters = layer["kernel"], layer["stride"], layer["filters"]
            make = nn.Conv2d if kind == "Conv2D" else nn.ConvTranspose2d
            modules.append(make(shape[2], filters, kernel, stride, padding=(kernel - stride + 1) // 2))
            size = (lambda n: n // stride) if kind == "Conv2D" else (lambda n: n * stride)
            shape = [size(shape[0]), size(shape[1]), filters]
        elif kind == "Dense":
            modules.append(nn.Linear(shape[0], layer["units"]))
            shape = [layer["units"]]
        elif kind == "MaxPooling2D":
            modules.append(nn.MaxPool2d(layer["size"]))
            shape = [shape[0] // layer["size"], shape[1] // layer["size"], shape[2]]
        elif kind == "UpSampling2D":
            modules.append(nn.Upsample(scale_factor=layer["size"]))
            shape = [shape[0] * layer["size"], shape[1] * layer["size"], shape[2]]
        elif kind == "Flatten":
            modules.append(Flatten())
            shape = [shape[0] * shape[1] * shape[2]]
        else:
            shape = layer["shape"]
            modules.append(View(*shape))
        activation = layer.get("activation", "linear")
        if activation != "linear":
            modules.append(nn.ReLU() if activation == "relu" else nn.Sigmoid())
    return nn.Sequential(*modules)


height, width, channels = (spec["input"][key] for key in ("height", "width", "channels"))
batch, latent = spec["batch"], spec["classes"]
layout = torch.channels_last if channels_last else torch.contiguous_format
encoder = build(spec["encoder"], [height, width, channels]).to(memory_format=layout)
decoder = build(spec["decoder"], [latent]).to(memory_format=layout)
images = torch.rand(batch, channels, height, width).contiguous(memory_format=layout)
targets, noise = torch.zeros(batch, latent), torch.zeros(batch, latent)
adam = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=1e-3)


def cpu():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def step():
    begun, start = cpu(), time.perf_counter()
    adam.zero_grad()
    latents = encoder(images)
    reconstruction = (images - decoder(latents + noise)).square().sum() / batch
    loss = reconstruction + 100 * (latents - targets).square().sum() / batch
    loss.backward()
    loss.item()
    middle, used = time.perf_counter(), cpu() - begun
    adam.step()
    end = time.perf_counter()
    return {"gradient": 1000 * (middle - start), "adam": 1000 * (end - middle), "cpu": 1000 * used}


print("ready", flush=True)
for line in sys.stdin:
    print(json.dumps([step() for _ in range(int(line))]), flush=True)
