"""Detectors and segmenters on any pairs: what both toolboxes' inferencers share."""

import os
import warnings
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import cv2
import numpy as np
from mmcv.transforms import Compose
from mmengine.config import ConfigDict
from mmengine.structures import BaseDataElement
from torch import nn

from mmdefusion.datasets.pipelines import PARTNER, find_step
from mmdefusion.inference.predicting import Predicting
from mmdefusion.inference.sizes import fit_partner
from mmdefusion.inference.sources import Item, Source
from mmdefusion.models.checkpoints.reading import read_checkpoint
from mmdefusion.models.checkpoints.weights_fit import refuse_misfit, weights_of
from mmdefusion.utils.batching import groups_of_one_size
from mmdefusion.utils.image_headers import read_header
from mmdefusion.utils.image_io import to_channels
from mmdefusion.utils.storage import is_local
from mmdefusion.utils.type_names import type_name

from .fused_input import FusedInput
from .fuser_loading import check_device
from .fusion_inferencer import FusionInferencer
from .paired_configs import config_of_pairs, tested_meta

UNREADABLE = (AssertionError, OSError, ValueError, cv2.error)  # mmcv asserts that there is an image
REPLACES = 'ReplaceVisible'
ANNOTATIONS = ('LoadAnnotations', 'mmdet.LoadAnnotations', 'mmseg.LoadAnnotations')


class PairedInferencing(Predicting):
    """Mixin for inferencers of the toolboxes, which then take pairs: paths, arrays, lists, globs, folders or videos.

    Several threads may share one: predictions are made in parallel, drawings one after the other.

    Files are read by the pipeline of the config; arrays (H×W or H×W×3 BGR) replace its loaders. Of a model that reads
    fused images (``fused_images = True`` in its config) the pairs are fused first, as ``tools/benchmark.py`` does.

    Args:
        model: config, or path of a config. It is code: give only a config that you trust.
        weights: checkpoint. It is data, and nothing in it is run.
        *args: arguments of the toolbox's inferencer, in its order.
        fused: whether drawings also show the fused image, made with the weights that come with the package.
        **options: arguments of the toolbox's inferencer (``device``, ``palette``, …).

    Raises:
        FileNotFoundError: if a file does not exist.
        TypeError: if the config is neither a path nor a config.
        ValueError: if the config or the weights are None, the config has no ``test_dataloader`` whose data set has a
            pipeline with AppendPartner, the weights cannot be read or are not those of the model (CheckpointError), or
            the device does not exist.
    """

    def __init__(self, model: Any, weights: str | os.PathLike, *args: Any, fused: bool = False, **options: Any) -> None:
        config = config_of_pairs(model, weights)
        self.weights = str(weights)
        self._content = read_checkpoint(weights)
        self._state = weights_of(self._content, self.weights)
        super().__init__(config, self.weights, *args, **options)
        del self._content, self._state
        self.fuser = FusionInferencer(device=self.device, show_progress=False) if fused else None

    def __call__(
        self,
        visible: Source,
        infrared: Source,
        batch_size: int = 1,
        out_dir: str | os.PathLike | None = None,
        return_vis: bool = False,
        return_datasamples: bool = False,
        resize: bool = False,
        suffixes: Sequence[str] = (),
        skip_unmatched: bool = False,
        keep: bool = True,
        resume: bool = False,
        shard: str | None = None,
    ) -> dict[str, list] | dict[str, int]:
        """Predicts for the matching images of both sources; a pair that cannot be read does not stop the others.

        Args:
            visible, infrared: for each a path, an array, a list of these, a glob, a folder or a video.
            batch_size: pairs per batch. Pairs of other sizes than the first are predicted separately, so that no pair
                is padded and its predictions do not depend on the others.
            out_dir: folder for ``vis/NAME.png`` (drawings on all images side by side; for videos one video, whole) and
                predictions ``preds/NAME.*``; None writes nothing.
            return_vis: whether to return the drawings too (H×W×3 uint8 BGR).
            return_datasamples: whether to return the samples of the toolbox instead of plain data.
            resize: whether to resize infrared arrays and frames of videos to the visible size, also if AppendPartner
                in the config does not say ``size_mismatch='resize'``, which decides for files.
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
            ValueError: if the sources do not match, the only pair cannot be read or drawn, or there is a shard of a
                video or one that is none.
            NotAllDone: at the end, if some of several pairs do not exist, or cannot be read, drawn or written. Where
                only the drawing is at fault, the prediction is written and in the results, with None as its drawing.
        """
        options = dict(raw=return_datasamples, suffixes=suffixes, skip_unmatched=skip_unmatched, keep=keep)
        options |= dict(resume=resume, shard=shard)
        return self.run(visible, infrared, batch_size, out_dir, return_vis, resize, **options)

    def predict(
        self, batches: Iterable[list[Item]], resize: bool = False, failures: dict[str, Exception] | None = None
    ) -> Iterator[tuple[Item, BaseDataElement]]:
        """Each pair with the toolbox's sample of it.

        Args:
            batches: of pairs.
            resize: see :meth:`__call__`.
            failures: gets what is wrong with pairs that cannot be read, by their names; None: the first one is raised.
        """
        for batch in batches:
            items, loaded = [], []
            for item in batch:
                try:
                    loaded.append(self.pipeline(self.load(item, resize)))
                except UNREADABLE as error:
                    if isinstance(error, cv2.error):  # its text is of its source
                        error = ValueError(f'{item.name}: OpenCV cannot read it, or bring it to the size of the test.')
                    if failures is None:
                        raise error from None
                    failures[item.name] = error
                else:
                    items.append(item)
            found: dict[int, BaseDataElement] = {}
            for group in groups_of_one_size([sample['inputs'] for sample in loaded]):
                samples = self.forward(self.collate_fn([loaded[index] for index in group]))
                found |= zip(group, samples, strict=True)
            yield from ((item, found[index]) for index, item in enumerate(items))

    def load(self, item: Item, resize: bool = False) -> dict:
        """What the loaders of the config's pipeline give for a pair; local files are judged by their headers before.

        The config's loader would decode an image of any size, and wait for a pipe.
        """
        loaded = self._read(item, resize)
        if self.fused_input:
            resize = resize or self.partner.get('size_mismatch') == 'resize'
            loaded['img'][..., :3] = self.fused_input(item, resize)
        return loaded

    def _read(self, item: Item, resize: bool) -> dict:
        first, second = item.images
        for image, step in zip(item.images, (self.reader, self.partner), strict=True):
            if not isinstance(image, np.ndarray) and is_local(image, backend := step.get('backend_args')):
                read_header(os.fspath(image), backend, step.get('max_pixels'))
        if not isinstance(first, np.ndarray) and not isinstance(second, np.ndarray):
            return self.loaders(dict(img_path=os.fspath(first), img_ir_path=os.fspath(second), img_id=0))
        if self.replaced:
            raise ValueError(
                f'{item.name}: the config replaces visible images by those in {self.replaced}, which arrays and videos '
                'have none in: give the files.'
            )
        visible, infrared = item.read(**self.reading)
        infrared = to_channels(infrared, self.partner.get('channels', 1), item.name)
        resize = resize or self.partner.get('size_mismatch') == 'resize'
        pair = np.concatenate([visible, fit_partner(visible, infrared, item.name, resize)], axis=2)
        return dict(img=pair, img_path=item.name, img_id=0, img_shape=pair.shape[:2], ori_shape=pair.shape[:2])

    def _init_model(self, cfg: ConfigDict, weights: str, device: str = 'cpu') -> nn.Module:
        """The toolbox's, without MMEngine's reader, which takes other files for checkpoints than ours does."""
        check_device(device)
        self.device = device
        return super()._init_model(cfg, None, device)

    def _load_weights_to_model(self, model: nn.Module, checkpoint: None, cfg: ConfigDict) -> None:
        """The toolbox's, once the weights are known to be the model's; names that they lack are the data set's."""
        refuse_misfit(model, self._state, self.weights)
        meta = dict(self._content.get('meta') or {})
        told = {key.lower(): value for key, value in (meta.pop('dataset_meta', None) or {}).items()}
        if not (told.get('classes') or meta.get('CLASSES')):  # they would be named as COCO's or Cityscapes'
            told |= tested_meta(cfg)
        meta |= dict(dataset_meta=told) if told.get('classes') else {}
        super()._load_weights_to_model(model, dict(state_dict=self._state, meta=meta), cfg)

    def _init_pipeline(self, cfg: ConfigDict) -> Compose:
        """The test pipeline behind its loaders, which are kept for files."""
        steps = [step for step in cfg.test_dataloader.dataset.pipeline if step.type not in ANNOTATIONS]
        replace = find_step(steps, REPLACES)
        self.fused_input, self.replaced = None, None if replace is None else steps[replace]['folder']
        if cfg.get('fused_images'):
            warnings.warn(
                'The model reads fused images: each pair is fused for it. To give images that are fused already, set '
                'fused_images=False in the config.',
                stacklevel=2,
            )
            self.fused_input, self.replaced = FusedInput(self.device), None
            steps = [step for step in steps if type_name(step) != REPLACES]
        place = find_step(steps, PARTNER)
        if place is None:
            raise ValueError('The test pipeline has no AppendPartner: this is no model of pairs.')
        self.loaders = Compose(steps[: place + 1])
        self.reader, self.partner = steps[0], steps[place]
        self.reading = dict(
            thermal_range=self.partner.get('fixed_range'),
            percentiles=self.partner.get('percentiles', (1.0, 99.0)),
            fourth_channel=True,
        )
        return Compose(steps[place + 1 :])
