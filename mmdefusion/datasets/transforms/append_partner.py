"""The transform that turns a visible image into a pair."""

import os
import re
from collections.abc import Sequence
from typing import NoReturn

import mmcv
import numpy as np
from mmcv.transforms import BaseTransform

from mmdefusion.inference.infrared import one_to_white_hot
from mmdefusion.registry import TRANSFORMS
from mmdefusion.utils.image_io import FixedRange, UnusableImage, check_scaling, read_partner, to_channels

from ..pairing import sizes_differ
from ..pipeline_faults import flatten
from ..pipelines import PARTNER, find_step

SIZE_MISMATCH = ('error', 'resize')
MISSING = ('error', 'zeros', 'copy')
GEOMETRY = ('flip', 'scale_factor', 'homography_matrix')  # keys that geometric transforms add to results


@TRANSFORMS.register_module()
class AppendPartner(BaseTransform):
    """Appends the partner (the infrared image) to the visible image as further channels.

    Put it after ``LoadImageFromFile`` and the photometric transforms, which then change the visible image only, and
    before the geometric transforms, which then move both images alike.

    Required keys: img (H×W×3, BGR, uint8, or float after a photometric transform), img_path, img_ir_path (optional),
    black_hot (optional, as FusionDataset gives it).

    Modified keys: img (H×W×(3 + channels), dtype kept).

    Added keys: img_ir_path (str), partner_missing (bool: whether ``missing`` replaced the partner).

    The path of the partner is ``img_ir_path`` if the data set gives it, else ``img_path`` changed by ``rule``. If it is
    the visible file itself (MFNet), the fourth channel of that file is the partner. Files are read by
    :mod:`mmdefusion.utils.image_io`: 8-bit values stay as they are, 16-bit and float values are scaled. Where the data
    set says whether hot is dark in its infrared images (``black_hot``), such a file is inverted, and turned back to
    grey from false colours in either case.

    Args:
        channels: 1 appends a grey partner, 3 a BGR partner (pairs of exposures or foci).
        rule: (pattern, replacement) for ``re.sub`` on ``img_path`` with forward slashes, e.g.
            ``(r'/visible/(?=[^/]*$)', '/infrared/')`` for the last folder.
        size_mismatch: 'error', or 'resize' to bring the partner to the size of the visible image (bilinear).
        missing: what replaces a partner file that does not exist: 'error' raises, 'zeros', or 'copy' for the visible
            image (turned grey if ``channels`` is 1). A file that cannot be read is always an error.
        percentiles: the percentiles of each 16-bit or float image that become 0 and 255.
        fixed_range: the raw counts that become 0 and 255, the same for all images; replaces ``percentiles``.
            ``'full'`` takes the whole range of 16 bits, and 0 to 1 of floats, as for images that are not thermal.
        backend_args: arguments of the file backend.
        max_pixels: largest number of pixels of a partner; None stands for 64 million, or MMDEFUSION_MAX_PIXELS.

    Raises:
        UnusableImage: if the partner cannot be read, or is of another size.
        ValueError: if the visible image has another shape or dtype, the path of the partner is unknown, or a geometric
            transform came first.
        FileNotFoundError: if the partner does not exist and ``missing`` is 'error'.
    """

    def __init__(
        self,
        channels: int = 1,
        rule: tuple[str, str] | None = None,
        size_mismatch: str = 'error',
        missing: str = 'error',
        percentiles: Sequence[float] = (1.0, 99.0),
        fixed_range: FixedRange = None,
        backend_args: dict | None = None,
        max_pixels: int | None = None,
    ) -> None:
        for name, value, allowed in (
            ('channels', channels, (1, 3)),
            ('size_mismatch', size_mismatch, SIZE_MISMATCH),
            ('missing', missing, MISSING),
        ):
            if value not in allowed:
                raise ValueError(f'{name}={value!r} must be one of {", ".join(map(repr, allowed))}')
        self.percentiles, self.fixed_range = check_scaling(percentiles, fixed_range)
        if rule is not None:
            if isinstance(rule, str) or len(rule) != 2 or not all(isinstance(part, str) for part in rule):
                raise ValueError(f'rule={rule!r} must be two strings (pattern, replacement), or None.')
            try:
                re.compile(rule[0])
            except re.error as error:
                raise ValueError(f'rule={rule!r} is not a regular expression: {error}') from None
        self.channels = channels
        self.rule = rule
        self.size_mismatch = size_mismatch
        self.missing = missing
        self.backend_args = backend_args
        self.max_pixels = max_pixels

    def transform(self, results: dict) -> dict:
        """Reads the partner and appends it to ``results['img']``.

        Raises:
            OSError, ValueError: see the class.
        """
        visible, img_path = results['img'], results.get('img_path')
        if img_path is None and results.get('img_ir_path') is None:
            raise ValueError(
                'an image that comes as an array has no partner: give paths, or both arrays to PairedDetInferencer or '
                'PairedSegInferencer of mmdefusion.apis.'
            )
        if visible.ndim != 3 or visible.shape[2] != 3 or (visible.dtype != np.uint8 and visible.dtype.kind != 'f'):
            raise ValueError(
                f'visible image {img_path} has shape {visible.shape} and dtype {visible.dtype}, not HxWx3 uint8 or '
                "float; put AppendPartner once, after LoadImageFromFile(color_type='color')."
            )
        refuse_moved(results, self)
        path = self.find(results)
        try:
            partner = self.read(path, img_path, results.get('black_hot'))
        except FileNotFoundError:
            if self.missing == 'error':
                raise FileNotFoundError(
                    f'partner {path} of {img_path} is not there; add it, correct data_prefix or rule, or set '
                    "missing='zeros' or 'copy' in AppendPartner."
                ) from None
            partner = None
        results['partner_missing'] = partner is None
        if partner is None:
            partner = self._stand_in(visible)
        elif partner.shape[:2] != visible.shape[:2]:
            self._refuse_resized(results, partner)
            partner = self._fit(partner, visible, path, img_path)
        results['img_ir_path'] = path
        results['img'] = np.concatenate((visible, partner.astype(visible.dtype, copy=False)), axis=2)
        return results

    def find(self, results: dict) -> str:
        """The path of the partner: ``img_ir_path``, or else ``img_path`` changed by the rule.

        Raises:
            ValueError: if neither says it: there is no rule, or it leaves ``img_path`` as it is.
        """
        if results.get('img_ir_path') is not None:
            return results['img_ir_path']
        img_path = results['img_path']
        if self.rule is None:
            raise ValueError(
                f'nothing says where the partner of {img_path} is; use a data set that sets img_ir_path, or give '
                "AppendPartner a rule=(pattern, replacement), e.g. ('/visible/', '/infrared/')."
            )
        posix = os.fspath(img_path).replace(os.sep, '/')
        path = re.sub(self.rule[0], self.rule[1], posix)
        if path == posix:
            raise ValueError(f'rule={self.rule!r} leaves {posix} as it is; give AppendPartner a pattern that matches.')
        return path

    def read(self, path: str, img_path: str | None, black_hot: bool | None = None) -> np.ndarray:
        """Reads the partner of the visible image at ``img_path`` as H×W×``channels`` uint8.

        Hot is dark in it if ``black_hot``; None takes it as it is, false colours too.

        Raises:
            FileNotFoundError: if it does not exist.
            UnusableImage: if it cannot be read.
        """
        scaling = (self.percentiles, self.fixed_range, self.backend_args, self.max_pixels)
        if black_hot is None:
            return read_partner(path, img_path, self.channels, *scaling)
        return to_channels(one_to_white_hot(read_partner(path, img_path, 3, *scaling), black_hot), self.channels, path)

    def _stand_in(self, visible: np.ndarray) -> np.ndarray:
        if self.missing == 'copy':
            return to_channels(visible.astype(np.float32) if visible.dtype.kind == 'f' else visible, self.channels)
        return np.zeros((*visible.shape[:2], self.channels), visible.dtype)

    def _refuse_resized(self, results: dict, partner: np.ndarray) -> None:
        """Raises a ValueError if the partner is as large as the visible image was when it was read, and is no longer.

        Such steps (Expand) leave no key. One that cuts the visible image to the view of the partner is welcome.
        """
        read, (height, width) = results.get('ori_shape'), results['img'].shape[:2]
        if read is not None and tuple(read[:2]) == partner.shape[:2] != (height, width):
            _tell_moved(results, self, f'{width}x{height}, and {read[1]}x{read[0]} as it was read')

    def _fit(self, partner: np.ndarray, visible: np.ndarray, path: str, img_path: str | None) -> np.ndarray:
        (height, width), (partner_height, partner_width) = visible.shape[:2], partner.shape[:2]
        if self.size_mismatch == 'error':
            raise UnusableImage(sizes_differ(path, (partner_width, partner_height), img_path, (width, height)))
        resized = mmcv.imresize(partner, (width, height), interpolation='bilinear', backend='cv2')
        return resized.reshape(height, width, self.channels)  # OpenCV drops the axis of a single channel

    def __repr__(self) -> str:
        return (
            f'{self.__class__.__name__}(channels={self.channels}, rule={self.rule}, '
            f'size_mismatch={self.size_mismatch!r}, missing={self.missing!r}, percentiles={self.percentiles}, '
            f'fixed_range={self.fixed_range}, backend_args={self.backend_args}, max_pixels={self.max_pixels})'
        )


def append_partner_of(pipeline: Sequence[dict]) -> AppendPartner | None:
    """The AppendPartner of a pipeline's configs, also inside another step, built; None if there is none."""
    steps = [step for step in flatten(pipeline) if isinstance(step, dict)]
    place = find_step(steps, PARTNER)
    if place is None:
        return None
    return AppendPartner(**{key: value for key, value in steps[place].items() if key != 'type'})


def refuse_moved(results: dict, step: BaseTransform) -> None:
    """Raises a ValueError if a geometric transform came before a step that has to come first."""
    if moved := [f'{key} in results' for key in GEOMETRY if key in results]:
        _tell_moved(results, step, ', '.join(moved))


def _tell_moved(results: dict, step: BaseTransform, how: str) -> NoReturn:
    name = type(step).__name__
    raise ValueError(
        f'visible image {results.get("img_path")} was already moved or scaled ({how}): put {name} before Resize, '
        'RandomCrop, RandomFlip and the like.'
    )
