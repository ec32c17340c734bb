"""Plots of comparisons, as images or files."""

import io
import os
from collections.abc import Sequence
from pathlib import Path

import matplotlib

matplotlib.use('Agg')
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from mmdefusion.utils.files import write_bytes

MARKERS = 'osD^v'
COLOURS = 10  # colours of matplotlib's cycle, after which the next marker is used


def plot_tradeoff(
    names: Sequence[str], cost: Sequence[float], score: Sequence[float], labels: tuple[str, str]
) -> np.ndarray:
    """Plots scores against costs, a point for each model, in the colours of :func:`plot_bars`.

    Returns:
        H×W×3 uint8, BGR.
    """
    figure, axis = plt.subplots(figsize=(7, 4), constrained_layout=True)
    for place, (name, x, y) in enumerate(zip(names, cost, score, strict=True)):
        axis.scatter(x, y, label=name, marker=MARKERS[place // COLOURS % len(MARKERS)])
    axis.set_xlabel(labels[0])
    axis.set_ylabel(labels[1])
    axis.margins(0.15)
    axis.set_ylim(bottom=max(0, axis.get_ylim()[0]))  # scores are not negative
    axis.grid(alpha=0.3)
    axis.legend(fontsize='x-small', loc='upper left', bbox_to_anchor=(1, 1))
    return _picture(figure)


def plot_bars(groups: Sequence[str], values: dict[str, Sequence[float]], label: str) -> np.ndarray:
    """Plots a group of bars for each class, with a bar for each model; H×W×3 BGR."""
    figure, axis = plt.subplots(figsize=(max(7, 1.2 * len(groups) * len(values) / 3), 4), constrained_layout=True)
    width = 0.8 / max(1, len(values))
    for place, (name, bars) in enumerate(values.items()):
        axis.bar(np.arange(len(groups)) + (place - (len(values) - 1) / 2) * width, bars, width, label=name)
    axis.set_xticks(range(len(groups)), groups)
    axis.set_ylabel(label)
    axis.set_ylim(bottom=0)
    axis.grid(alpha=0.3, axis='y')
    axis.legend(fontsize='x-small', loc='upper left', bbox_to_anchor=(1, 1))
    return _picture(figure)


def plot_curves(
    curves: dict[str, tuple[Sequence[float], Sequence[float]]], labels: tuple[str, str], powers: bool = False
) -> np.ndarray:
    """Plots a line for each model, on one logarithmic scale, or with ``powers`` on two: powers of x are straight.

    Returns:
        H×W×3 uint8, BGR.
    """
    figure, axis = plt.subplots(figsize=(7, 4.5), constrained_layout=True)
    for name, (x, y) in curves.items():
        axis.plot(x, y, label=name, marker='o' if powers else None)
    axis.set_yscale('log')
    if powers:
        axis.set_xscale('log')
    else:  # a decade at most: numbers as one reads them, not powers of ten
        axis.yaxis.set_major_formatter('{x:.5g}')
        axis.yaxis.set_minor_formatter('{x:.5g}')
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.set_xlabel(labels[0])
    axis.set_ylabel(labels[1])
    axis.grid(alpha=0.3)
    axis.legend(fontsize='x-small')
    return _picture(figure)


def write_figure(path: str | os.PathLike, figure: Figure, dpi: int = 110) -> Path:
    """Writes a figure as the name's suffix says (.png, .pdf, .svg, ...), whole or not at all, and closes it.

    Raises:
        OSError: if matplotlib knows no such format, or the file cannot be written.
    """
    known = figure.canvas.get_supported_filetypes()
    kind = Path(path).suffix[1:].lower()
    if kind not in known:
        raise OSError(f'matplotlib cannot write {path}: name it .{", .".join(sorted(known))}.')
    content = io.BytesIO()
    figure.savefig(content, format=kind, dpi=dpi)
    plt.close(figure)
    return write_bytes(path, content.getvalue())


def _picture(figure: Figure) -> np.ndarray:
    figure.canvas.draw()
    picture = np.asarray(figure.canvas.buffer_rgba())[..., 2::-1].copy()
    plt.close(figure)
    return picture
