"""The networks of the peers: the encoder `deep-28` of trainer/model/architecture.ts, with heads of their own."""
import torch
from torch import nn


def convolution(before, after, kernel, stride):
    """Pads as TensorFlow's 'same' does where the side is a multiple of the stride."""
    pad = kernel - stride
    return nn.Sequential(nn.ZeroPad2d((pad // 2, pad - pad // 2) * 2), nn.Conv2d(before, after, kernel, stride), nn.ReLU())


def deep_28():
    steps = [convolution(1, 16, 4, 2), convolution(16, 32, 3, 1), convolution(32, 64, 4, 2), convolution(64, 64, 3, 1)]
    return nn.Sequential(*steps, nn.Flatten())


class Classifier(nn.Module):
    def __init__(self, outputs):
        super().__init__()
        self.features = nn.Sequential(deep_28(), nn.Linear(3136, 128), nn.ReLU())
        self.head = nn.Linear(128, outputs)

    def forward(self, images):
        return self.head(self.features(images))


class Vae(nn.Module):
    """alibi-detect's OutlierVAE with the settings of its image example: latent of 1024, KL divergence as a mean over the latent too."""

    LATENT, DEVIATION, SAMPLES = 1024, 0.05, 10

    def __init__(self):
        super().__init__()
        self.encoder = deep_28()
        self.mean, self.log_variance = nn.Linear(3136, self.LATENT), nn.Linear(3136, self.LATENT)
        self.decoder = nn.Sequential(
            *[nn.Linear(self.LATENT, 3136), nn.ReLU(), nn.Unflatten(1, (64, 7, 7))],
            *[nn.ConvTranspose2d(64, 32, 4, 2, 1), nn.ReLU(), nn.ConvTranspose2d(32, 1, 4, 2, 1), nn.Sigmoid()],
        )

    def forward(self, images):
        hidden = self.encoder(images)
        mean, log_variance = self.mean(hidden).float(), self.log_variance(hidden).float()
        latent = mean + torch.randn_like(mean) * (log_variance / 2).exp()
        return self.decoder(latent).float(), mean, log_variance

    def loss(self, images):
        """alibi-detect's `elbo` with cov_elbo=dict(sim=.05), up to a constant."""
        reconstruction, mean, log_variance = self(images)
        likelihood = ((images - reconstruction) ** 2).flatten(1).sum(1).mean() / (2 * self.DEVIATION**2)
        return likelihood - 0.5 * (log_variance - mean**2 - log_variance.exp() + 1).mean()
