"""A start from which pretraining on few images learns in minutes what it learns in hours from random weights.

Linear maps with known best solutions need no gradient descent: the patch embedding that keeps most of an image is its
principal components, and the last map of each image head is a ridge regression on the images it should draw. What
lies between is left random but quiet, so that tokens pass it nearly unchanged. Not part of the paper, which starts from
ImageNet weights.
"""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager

import torch
from torch import Tensor, nn

from ..layers import PATCH_SIZE, DecompositionBlock, PatchEmbed, TransformerBlock, patchify
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
    """Fit the patch embedding and the image heads to images.

    Args:
        model: freshly initialised.
        batches: B×3×H×W images, RGB in [0, 1], sides multiples of 16.
        power: how far components are made equally strong; 0 leaves their variances, 1 evens them out.
        scale: root mean square of the patch embedding's outputs; well below the position embedding's, LayerNorms
            keep the image.
        quietness: factor on the last linear map of every residual branch.
        ridge: regularisation over the mean variance of a head's inputs.
    """
    batches = list(batches)
    training = model.training
    model.eval()
    fit_patch_embedding(model.backbone.patch_embed, [model.normalize(images) for images in batches], power, scale)
    quieten(model, quietness)
    fit_heads(model, batches, ridge)
    model.train(training)


def fit_patch_embedding(embed: PatchEmbed, images: Iterable[Tensor], power: float, scale: float) -> None:
    """Principal components of the patches of normalised images, turned by a random rotation."""
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


def quieten(model: nn.Module, factor: float) -> None:
    """Scale what every block adds to the tokens that pass it."""
    for module in model.modules():
        if isinstance(module, TransformerBlock):
            last = (module.attn.proj, module.mlp.fc2)
        elif isinstance(module, DecompositionBlock):
            last = (module.attn.out_proj, module.linear2)
        else:
            continue
        for linear in last:
            linear.weight.mul_(factor)


def fit_heads(model: CUDPretrainer, batches: Iterable[Tensor], ridge: float) -> None:
    """Ridge regressions from what reaches each head's last linear map to the patches that it should draw."""
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
    """Least squares from tokens to the pixels of their patches, summed up batch by batch in double precision."""

    def __init__(self, linear: nn.Linear) -> None:
        self.linear = linear
        size = linear.in_features + 1  # the last input is 1, for the bias
        self.inputs = torch.zeros(size, size, dtype=torch.float64, device=linear.weight.device)
        self.outputs = torch.zeros(size, linear.out_features, dtype=torch.float64, device=linear.weight.device)

    def add(self, tokens: Tensor, image: Tensor) -> None:
        """B×(h·w)×C tokens and the B×3×16h×16w image that they should give."""
        x = tokens.flatten(0, 1).double()
        x = torch.cat([x, torch.ones_like(x[:, :1])], dim=1)
        self.inputs += x.T @ x
        self.outputs += x.T @ patchify(image, PATCH_SIZE).flatten(0, 1).double()

    def solve(self, ridge: float) -> None:
        """Write the solution into the linear map."""
        penalty = ridge * self.inputs.diag()[:-1].mean() * torch.eye(len(self.inputs)).to(self.inputs)
        penalty[-1, -1] = 0
        solution = torch.linalg.solve(self.inputs + penalty, self.outputs)
        self.linear.weight.copy_(solution[:-1].T)
        self.linear.bias.copy_(solution[-1])


@contextmanager
def recorded_inputs(linear: nn.Linear) -> Iterator[list[Tensor]]:
    """The inputs of all calls within."""
    inputs = []
    handle = linear.register_forward_pre_hook(lambda _, args: inputs.append(args[0]))
    try:
        yield inputs
    finally:
        handle.remove()
