"""A closed-form initialisation for pretraining on few images, which replaces hours of training from random weights.

Linear maps with a known optimum need no gradient descent: the patch embedding that keeps most of an image projects on
its principal components, and the last map of each image head is a ridge regression to the images that it should decode.
The blocks between stay random but are scaled down, so that tokens pass them nearly unchanged. This is not part of the
paper, which starts from ImageNet weights.
"""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager

import torch
from torch import Tensor, nn

from ..layers import PATCH_SIZE, PatchEmbed, patchify, quieten
from .cud import CUDPretrainer, sample_order, targets


@torch.no_grad()
def init_in_closed_form(
    model: CUDPretrainer,
    batches: Iterable[Tensor],
    power: float = 0.25,
    scale: float = 0.3,
    quietness: float = 0.3,
    ridge: float = 1e-3,
) -> None:
    """Fits the patch embedding and the image heads to images.

    Args:
        model: a newly initialised model.
        batches: images B×3×H×W, RGB in [0, 1], whose sides are multiples of 16.
        power: equalisation of the components: 0 keeps their variances, 1 makes them equal.
        scale: root mean square of the outputs of the patch embedding; it should be well below that of the position
            embedding.
        quietness: factor on the last linear map of every residual branch.
        ridge: regularisation, relative to the mean variance of the inputs of a head.
    """
    batches = list(batches)
    training = model.training
    model.eval()
    fit_patch_embedding(model.backbone.patch_embed, [model.normalize(images) for images in batches], power, scale)
    quieten(model, quietness)
    fit_heads(model, batches, ridge)
    model.train(training)


def fit_patch_embedding(embed: PatchEmbed, images: Iterable[Tensor], power: float, scale: float) -> None:
    """Sets the patch embedding to the principal components of the patches of normalised images, rotated at random."""
    patches = torch.cat([patchify(batch, PATCH_SIZE).flatten(0, 1) for batch in images]).double()
    mean = patches.mean(0)
    embed_dims = embed.proj.out_channels
    variances, components = torch.linalg.eigh((patches - mean).T.cov())
    variances, components = variances[-embed_dims:], components[:, -embed_dims:]
    weight = components * variances.clip(min=variances[-1] * 1e-9) ** (-power / 2)
    rotation = torch.linalg.qr(torch.randn(len(variances), embed_dims, dtype=weight.dtype, device=weight.device)).Q
    weight = rotation.T @ weight.T
    weight *= scale / ((patches - mean) @ weight.T).square().mean().sqrt()
    embed.proj.weight.copy_(weight.unflatten(1, (PATCH_SIZE, PATCH_SIZE, 3)).permute(0, 3, 1, 2))
    embed.proj.bias.copy_(-weight @ mean)


def fit_heads(model: CUDPretrainer, batches: Iterable[Tensor], ridge: float) -> None:
    """Fits the last linear map of each head by ridge regression from its inputs to the patches it should decode."""
    heads = (model.common_head.proj, model.unique_head.proj, model.fused_head.proj, model.mfm_head.proj)
    fits = [Regression(head) for head in heads]
    for images in batches:
        views = model.view_generator(images)
        with ExitStack() as stack:
            seen = [stack.enter_context(recorded_inputs(head)) for head in heads]
            model.reconstruct(views.views, order=sample_order())
        target = targets(views)
        wanted = ([target.common], [target.unique_a, target.unique_b], [target.fused], [target.fused])
        for fit, inputs, outputs in zip(fits, seen, wanted, strict=True):
            for tokens, image in zip(inputs, outputs, strict=True):
                fit.add(tokens[:, 1:], image)
    for fit in fits:
        fit.solve(ridge)


class Regression:
    """Ridge regression from tokens to the pixels of their patches, accumulated over batches in double precision."""

    def __init__(self, linear: nn.Linear) -> None:
        self.linear = linear
        size = linear.in_features + 1  # the last input is 1, for the bias
        self.inputs = torch.zeros(size, size, dtype=torch.float64, device=linear.weight.device)
        self.outputs = torch.zeros(size, linear.out_features, dtype=torch.float64, device=linear.weight.device)

    def add(self, tokens: Tensor, image: Tensor) -> None:
        """Adds tokens B×(h·w)×C and the images B×3×16h×16w that they should give."""
        x = tokens.flatten(0, 1).double()
        x = torch.cat([x, torch.ones_like(x[:, :1])], dim=1)
        self.inputs += x.T @ x
        self.outputs += x.T @ patchify(image, PATCH_SIZE).flatten(0, 1).double()

    def solve(self, ridge: float) -> None:
        """Writes the solution into the linear map."""
        penalty = ridge * self.inputs.diag()[:-1].mean() * torch.eye(len(self.inputs)).to(self.inputs)
        penalty[-1, -1] = 0
        solution = torch.linalg.solve(self.inputs + penalty, self.outputs)
        self.linear.weight.copy_(solution[:-1].T)
        self.linear.bias.copy_(solution[-1])


@contextmanager
def recorded_inputs(linear: nn.Linear) -> Iterator[list[Tensor]]:
    """A context that records the inputs of all calls of ``linear``."""
    inputs = []
    handle = linear.register_forward_pre_hook(lambda _, args: inputs.append(args[0]))
    try:
        yield inputs
    finally:
        handle.remove()
