"""What exported detectors and segmenters share."""

import math
import os
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from mmdefusion.inference.predicting import Predicting
from mmdefusion.inference.sizes import fit_partner, scaled
from mmdefusion.inference.sources import Item, Source
from mmdefusion.utils.batching import groups_of_one_size
from mmdefusion.utils.image_io import reverse_channels, to_channels

from .fuser import OnnxFuser
from .metadata import Metadata, Task
from .network import OnnxNetwork, Provider, check_size

Found = tuple[np.ndarray, ...]  # the outputs of the network for one pair


class OnnxPredicting(Predicting, ABC):
    """Runs an exported detector or segmenter on pairs: same call as the inferencers of PyTorch, without torch.

    Several threads may share one.

    Args:
        file: what ``tools/deployment/export.py`` wrote.
        fuser: an exported fuser, whose result drawings show too.
        show_progress: whether to show a progress bar on terminals.
        threads, providers: see :class:`OnnxNetwork`.

    Raises:
        FileNotFoundError: if the file does not exist.
        ModuleNotFoundError: if onnxruntime is not installed.
        ValueError: if the file is not an exported network of this kind.
    """

    task: Task

    def __init__(
        self,
        file: str | os.PathLike,
        fuser: str | os.PathLike | None = None,
        show_progress: bool = True,
        threads: int | None = None,
        providers: Sequence[Provider] | None = None,
    ) -> None:
        self.network, self.file = OnnxNetwork(file, self.task, threads, providers), os.fspath(file)
        self.reading = dict(
            thermal_range=self.metadata.thermal_range, percentiles=self.metadata.percentiles, fourth_channel=True
        )
        self.fuser = (
            None if fuser is None else OnnxFuser(fuser, show_progress=False, threads=threads, providers=providers)
        )
        self.show_progress = show_progress

    @property
    def metadata(self) -> Metadata:
        """What the file says of itself: classes, palette, sizes."""
        return self.network.metadata

    def __call__(
        self,
        visible: Source,
        infrared: Source,
        batch_size: int = 1,
        out_dir: str | os.PathLike | None = None,
        return_vis: bool = False,
        resize: bool = False,
        suffixes: Sequence[str] = (),
        skip_unmatched: bool = False,
        keep: bool = True,
        resume: bool = False,
        shard: str | None = None,
    ) -> dict[str, list] | dict[str, int]:
        """Predicts for the matching images of both sources; a pair that cannot be read does not stop the others.

        Args:
            visible, infrared: for each a path, an array (BGR), a list of these, a glob, a folder or a video.
            batch_size: pairs per batch; pairs of other sizes than the first are predicted separately.
            out_dir: folder for ``vis/NAME.png`` and predictions ``preds/NAME.*``; None writes nothing.
            return_vis: whether to return the drawings too (H×W×3 uint8 BGR).
            resize: whether to resize infrared images to the visible size.
            suffixes: endings that tell the files of folders apart, such as ``('_rgb', '_ir')``.
            skip_unmatched: whether to leave out files of folders and globs that have no partner of the same name.
            keep: whether to hold predictions in memory and return them. Of long series in ``out_dir`` ``keep=False``
                returns ``dict(count=...)`` alone.
            resume: whether to skip what has its prediction and its drawing in ``out_dir`` already, by
                name, so another model needs another folder. What is skipped is not among the results.
            shard: ``'i/n'`` predicts every n-th pair from the i-th on, so that n processes or machines share a series.

        Returns:
            ``predictions`` and ``visualization``, a list each, in the order of the sources.

        Raises:
            OSError: if a file does not exist, or ``out_dir`` cannot be written to.
            ValueError: if the sources do not match, the only pair cannot be read or drawn, or has the wrong size, or
                there is a shard of a video or one that is none.
            NotAllDone: at the end, if some of several pairs do not exist, or cannot be read, drawn or written. Where
                only the drawing is at fault, the prediction is written and in the results, with None as its drawing.
        """
        options = dict(suffixes=suffixes, skip_unmatched=skip_unmatched, keep=keep, resume=resume, shard=shard)
        return self.run(visible, infrared, batch_size, out_dir, return_vis, resize, **options)

    def predict(
        self, batches: Iterable[list[Item]], resize: bool = False, failures: dict[str, Exception] | None = None
    ) -> Iterator[tuple[Item, Any]]:
        for batch in batches:
            loaded: list[tuple[Item, np.ndarray, np.ndarray, tuple[int, int]]] = []
            for item in batch:
                try:
                    loaded.append((item, *self.load(item, resize)))
                except (OSError, ValueError) as error:
                    if failures is None:
                        raise
                    failures[item.name] = error
            found: dict[int, Found] = {}  # by place: two items may have one name
            for group in groups_of_one_size([visible for _, visible, _, _ in loaded]):
                pairs = [np.stack([loaded[place][image] for place in group]) for image in (1, 2)]
                outputs = self.network(*(pair.transpose(0, 3, 1, 2) for pair in pairs))
                found |= zip(group, zip(*outputs, strict=True), strict=True)
            for place, (item, visible, _, own_size) in enumerate(loaded):
                yield item, self.finish(found[place], visible.shape[:2], own_size)

    def load(self, item: Item, resize: bool) -> tuple[np.ndarray, np.ndarray, tuple[int, int]]:
        """Reads a pair: visible H×W×3 RGB and infrared H×W×C, uint8, as the network takes them, and their own size.

        Raises:
            OSError: if a file does not exist.
            ValueError: if an image cannot be read, the sizes differ, or the file takes others.
        """
        visible, infrared = item.read(**self.reading)
        infrared = to_channels(infrared, self.metadata.infrared_channels, item.name)
        infrared = fit_partner(visible, infrared, item.name, resize)
        height, width = visible.shape[:2]
        size = self._size(width, height)
        check_size(self.metadata, size[1], size[0], self.file, f'those of {item.name}')
        return reverse_channels(scaled(visible, size)), reverse_channels(scaled(infrared, size)), (height, width)

    def _size(self, width: int, height: int) -> tuple[int, int]:
        """Width and height that a pair is resized to, as mmcv's Resize finds them."""
        if self.metadata.scale is None or not self.metadata.keep_ratio:
            return self.metadata.scale or (width, height)
        longest, shortest = max(self.metadata.scale), min(self.metadata.scale)
        factor = min(longest / max(width, height), shortest / min(width, height))
        return max(1, math.floor(width * factor + 0.5)), max(1, math.floor(height * factor + 0.5))

    @abstractmethod
    def finish(self, outputs: Found, size: tuple[int, int], own_size: tuple[int, int]) -> Any:
        """Turns the outputs for a pair into its prediction in the pair's own size.

        Args:
            outputs: without the batch.
            size: height and width that the network saw.
            own_size: height and width of the pair.
        """
