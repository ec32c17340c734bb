"""The classifier of the probe, and its score."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits


@dataclass(frozen=True)
class ProbeSettings:
    """Settings of the training of the classifier."""

    hidden: int = 128  #: units of the only hidden layer
    epochs: int = 8
    batch_size: int = 512  #: patches
    lr: float = 1e-3
    weight_decay: float = 0.05


@dataclass(frozen=True)
class Patches:
    """Features and labels of patches."""

    features: Tensor  #: P×C
    labels: Tensor  #: P×K, booleans


def probe(train: Patches, test: Patches, seed: int, settings: ProbeSettings) -> list[float]:
    """Trains the classifier and scores it.

    Args:
        train: patches of training pairs.
        test: patches of other pairs.
        seed: seed of the weights and of the order of patches.
        settings: see :class:`ProbeSettings`.

    Returns:
        For each class the average precision on ``test`` in percent; NaN for a class that ``test`` lacks.
    """
    generator = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    mean, std = train.features.mean(0), train.features.std(0) + 1e-6
    features, labels = (train.features - mean) / std, train.labels.float()
    model = nn.Sequential(
        nn.Linear(features.shape[1], settings.hidden), nn.GELU(), nn.Linear(settings.hidden, labels.shape[1])
    )
    optimizer = torch.optim.AdamW(model.parameters(), lr=settings.lr, weight_decay=settings.weight_decay)
    steps = settings.epochs * -(-len(features) // settings.batch_size)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(settings.epochs):
        for batch in torch.randperm(len(features), generator=generator).split(settings.batch_size):
            loss = binary_cross_entropy_with_logits(model(features[batch]), labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    with torch.no_grad():
        scores = model((test.features - mean) / std)
    return [100 * average_precision(score, label) for score, label in zip(scores.T, test.labels.T, strict=True)]


def average_precision(scores: Tensor, positive: Tensor) -> float:
    """Average precision: the mean precision at each positive, in the order of falling scores; NaN without positives.

    Args:
        scores: shape (P,).
        positive: shape (P,), bool.
    """
    hits = positive[scores.argsort(descending=True, stable=True)].double()
    precision = hits.cumsum(0) / torch.arange(1, len(hits) + 1)
    return float((precision * hits).sum() / hits.sum()) if hits.any() else float('nan')
