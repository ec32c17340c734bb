"""Turns a data set of a toolbox into one of pairs: finds each partner, and checks that all files exist."""

import logging
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mmengine.logging import print_log

from mmdefusion.utils.image_headers import IMAGE_SUFFIXES, read_header
from mmdefusion.utils.storage import is_local

from .annotated_sizes import OtherSize, refuse_resized, tell_sizes
from .pipeline_faults import pipeline_faults
from .pipelines import built_steps

SEPARATORS = ('/', os.sep)


def partner_path(
    img_path: str, vi_prefix: str, ir_prefix: str, vi_suffix: str | None = None, ir_suffix: str | None = None
) -> str:
    """The path of the infrared image that belongs to a visible one.

    It is the same relative path under the infrared prefix, with the infrared suffix if one is given.

    Args:
        img_path: path of the visible image, under ``vi_prefix``.
        vi_prefix: folder of visible images.
        ir_prefix: folder of infrared images.
        vi_suffix: how visible names end, e.g. '_RGB.jpg'; None stands for the extension of ``img_path``.
        ir_suffix: how infrared names end; None keeps the visible name.

    Raises:
        ValueError: if ``img_path`` is not under ``vi_prefix`` or does not end with ``vi_suffix``.
    """
    relative = img_path.removeprefix(vi_prefix)
    inside = not vi_prefix or vi_prefix.endswith(SEPARATORS) or relative.startswith(SEPARATORS)
    if not (img_path.startswith(vi_prefix) and inside):
        raise ValueError(f'{img_path} is not under {vi_prefix}; make the paths in the annotations relative to it.')
    relative = relative.lstrip(''.join(SEPARATORS))
    if ir_suffix is not None:
        vi_suffix = os.path.splitext(relative)[1] if vi_suffix is None else vi_suffix
        if not relative.endswith(vi_suffix):
            raise ValueError(
                f'{img_path} does not end with {vi_suffix!r}; set img_suffix to how the visible names end.'
            )
        relative = relative[: len(relative) - len(vi_suffix)] + ir_suffix
    return os.path.join(ir_prefix, relative)


def other_ending(path: str, suffix: str | None = None) -> str:
    """Words that say which infrared image of another extension there is in place of an absent one, or none.

    Args:
        path: of the absent image.
        suffix: how infrared names end; None keeps the visible name.
    """
    stem, end = os.path.splitext(path)
    for other in sorted({*IMAGE_SUFFIXES, *map(str.upper, IMAGE_SUFFIXES)} - {end}):
        if os.path.isfile(stem + other):
            ending = os.path.splitext(suffix or '')[0] + other if suffix and suffix != end else other
            return f' (but {os.path.basename(stem + other)} is: set ir_suffix={ending!r})'
    return ''


def absent_files(paths: Iterable[str], backend_args: dict | None = None) -> list[str]:
    """The paths whose files do not exist, found by listing each folder once.

    Files that are not local are assumed to exist: asking a server for each would take too long.
    """
    names: dict[str, set[str]] = {}
    absent = []
    for path in paths:
        folder, name = os.path.split(path)
        if folder not in names:
            if not is_local(path, backend_args):
                continue
            names[folder] = set(os.listdir(folder or '.')) if os.path.isdir(folder or '.') else set()
        if name not in names[folder]:
            absent.append(path)
    return absent


def strip_suffix(name: str, suffixes: Sequence[str] = (*IMAGE_SUFFIXES, '.xml')) -> str:
    """A name without the extension of an image or annotation: lists may say '00001', '00001.png' or '00001.xml'."""
    stem, extension = os.path.splitext(name)
    return stem if extension.lower() in suffixes else name


def sizes_differ(partner: str, partner_size: Sequence[int], img_path: str | None, size: Sequence[int]) -> str:
    """The error message for a pair whose images differ in size (width, height)."""
    return (
        f'partner {partner} is {partner_size[0]}x{partner_size[1]}, visible image {img_path} is {size[0]}x{size[1]}; '
        "align the pair, or set size_mismatch='resize' in AppendPartner"
    )


def refuse_short_palette(metainfo: Mapping[str, Any] | None) -> None:
    """Raises a ValueError if there are fewer colours than classes, which would end a training at its first drawing.

    No colours at all are fine: the toolboxes take random ones. More may be meant, where classes are a selection.
    """
    classes, palette = ((metainfo or {}).get(key) for key in ('classes', 'palette'))
    if isinstance(classes, list | tuple) and isinstance(palette, list | tuple) and 0 < len(palette) < len(classes):
        raise ValueError(
            f'palette has {len(palette)} colours and classes has {len(classes)} names: give a colour for each class, '
            'or leave palette out.'
        )


def _all_ignored(instances: Sequence[dict]) -> bool:
    return bool(instances) and all(one.get('ignore_flag') for one in instances)


class PairedDatasetMixin:
    """Mixin for data set classes of mmdet and mmseg: adds the key ``img_ir_path`` to each ``data_info``.

    The partner has the same path under ``data_prefix[INFRARED]`` as the visible image under ``data_prefix[VISIBLE]``.
    Where both folders and names are the same, a ``rule`` of AppendPartner in the pipeline may say where it is.
    An empty data set and missing local files are errors in ``full_init``, that is before training begins; only samples
    that ``filter_cfg`` and ``indices`` leave are checked.

    Args:
        ir_suffix: how infrared names end, if not with ``img_suffix`` or the extension of the visible name.
        allow_missing_partner: whether partners may be missing; AppendPartner(missing='zeros' or 'copy') replaces them.
        check_headers: whether ``full_init`` also reads the headers of all local images (a few seconds for ten thousand
            pairs) and refuses files that are not images, have more pixels than :func:`max_pixels` or boxes of another
            size (:func:`.refuse_resized`) or, unless AppendPartner resizes, pairs of two sizes.

    Raises:
        FileNotFoundError: if files of the data set are missing.
        ValueError: if the pipeline would fail on pairs or spoil them, ``data_prefix`` lacks a key, there are fewer
            colours than classes, there is no image, images are broken or of unequal sizes, or boxes are of another size
            than their images.
    """

    VISIBLE = 'img'
    INFRARED = 'img_ir'
    img_suffix: str | None = None
    # datasets/checks sets this to False: it lists everything that is missing instead of stopping at the first
    strict = True

    def __init__(
        self,
        *args,
        ir_suffix: str | None = None,
        allow_missing_partner: bool = False,
        check_headers: bool = True,
        **kwargs,
    ) -> None:
        self.ir_suffix = ir_suffix
        self.allow_missing_partner = allow_missing_partner
        self.check_headers = check_headers
        if faults := pipeline_faults(kwargs.get('pipeline') or ()):
            raise ValueError(f'The pipeline of {type(self).__name__} does not suit pairs: {"; ".join(faults)}.')
        refuse_short_palette(kwargs.get('metainfo'))
        super().__init__(*args, **kwargs)

    def find_partner(self, img_path: str) -> str:
        """The path of the infrared image that belongs to a visible one; override it for other layouts."""
        vi_prefix, ir_prefix = self._prefix(self.VISIBLE), self._prefix(self.INFRARED)
        return partner_path(img_path, vi_prefix, ir_prefix, self.img_suffix, self.ir_suffix)

    def _prefix(self, key: str) -> str:
        if key not in self.data_prefix:
            raise ValueError(
                f'data_prefix={self.data_prefix} of {type(self).__name__} lacks {key!r}; '
                f'give the visible folder as {self.VISIBLE!r} and the infrared one as {self.INFRARED!r}'
            )
        return self.data_prefix[key]

    def source(self) -> str:
        """Where the list of images comes from, for error messages."""
        folder = self._prefix(self.VISIBLE)
        return f'ann_file {self.ann_file}, images in {folder}' if self.ann_file else f'folder {folder}'

    def list_samples(self) -> list[dict]:
        """Lists the samples without their partners, as the class of the toolbox does."""
        return super().load_data_list()

    def load_data_list(self) -> list[dict]:
        listed = self.ann_file or self._prefix(self.VISIBLE)
        if is_local(listed, self.backend_args) and not os.path.exists(listed):
            raise FileNotFoundError(
                f'{type(self).__name__}: {listed} is not there; correct data_root={self.data_root!r}'
            )
        data_list = self.list_samples()
        if not data_list:
            wanted = f' that ends with {self.img_suffix!r}' if self.img_suffix else ''
            raise ValueError(
                f'{type(self).__name__} is empty: no image{wanted} found by {self.source()}; '
                'correct the path or img_suffix.'
            )
        ruling = next((step for step in built_steps(self.pipeline) if getattr(step, 'rule', None) is not None), None)
        for data_info in data_list:
            partner = self.find_partner(data_info['img_path'])
            own = partner != data_info['img_path'] or ruling is None
            data_info['img_ir_path'] = partner if own else ruling.find(data_info)
        return data_list

    def filter_data(self) -> list[dict]:
        kept = super().filter_data()
        if not self.test_mode and (self.filter_cfg or {}).get('filter_empty_gt'):
            # mmdet's assigners ignore nothing in an image where all boxes are ignored: all of it would be background
            kept = [info for info in kept if not _all_ignored(info.get('instances') or ())]
        if not kept:
            raise ValueError(
                f'{type(self).__name__} is empty: filter_cfg={self.filter_cfg} drops all {len(self.data_list)} images '
                f'of {self.source()}; loosen it, or compare the classes with those in the annotations.'
            )
        return kept

    def full_init(self) -> None:
        if self._fully_initialized:
            return
        super().full_init()
        if self.strict:
            infos = [self.get_data_info(index) for index in range(len(self))]
            self._check_files(infos)
            if self.check_headers:
                self._check_headers(infos)

    def _check_files(self, infos: list[dict]) -> None:
        remedy = f'correct data_root={self.data_root!r} or data_prefix, or add them'
        groups = [
            ('visible images', [info['img_path'] for info in infos], remedy),
            ('label maps', [info['seg_map_path'] for info in infos if info.get('seg_map_path')], remedy),
        ]
        partners = [info['img_ir_path'] for info in infos]
        if not self.allow_missing_partner:
            zeros = "set allow_missing_partner=True here and missing='zeros' or 'copy' in AppendPartner"
            groups.append(('partners', partners, f'{remedy}, or {zeros}'))
        elif absent := absent_files(partners, self.backend_args):
            counted = f'{type(self).__name__}: {len(absent)} of {len(partners)} partners are not there'
            first = f', first {absent[0]}{other_ending(absent[0], self.ir_suffix)}'
            if any(getattr(step, 'missing', None) == 'error' for step in built_steps(self.pipeline)):
                raise FileNotFoundError(f"{counted}{first}; set missing='zeros' or 'copy' in AppendPartner")
            print_log(f'{counted} and will be made up{first}.', 'current', logging.WARNING)
        for what, paths, remedy in groups:
            if absent := absent_files(paths, self.backend_args):
                found = f'{len(absent)} of {len(paths)} {what} are not there, first {absent[0]}'
                found += other_ending(absent[0], self.ir_suffix) if what == 'partners' else ''
                raise FileNotFoundError(f'{type(self).__name__}: {found}; {remedy}')

    def _check_headers(self, infos: list[dict]) -> None:
        """Checks sizes and formats before training: a worker would find the same fault hours later."""
        appends = [step.size_mismatch for step in built_steps(self.pipeline) if hasattr(step, 'size_mismatch')]
        resizes, others = 'resize' in appends, []
        for info in infos:
            img_path, img_ir_path = info['img_path'], info['img_ir_path']
            if not is_local(img_path, self.backend_args):
                return
            visible = read_header(img_path, self.backend_args)  # the stock LoadImageFromFile would decode any size
            if info.get('seg_map_path'):
                read_header(info['seg_map_path'], self.backend_args)
            size, told = (visible.width, visible.height), (info.get('width'), info.get('height'))
            if all(told) and told != size:
                boxes = [one['bbox'] for one in info.get('instances') or () if 'bbox' in one]
                others.append(OtherSize(img_path, size, told, boxes))
            if appends and img_ir_path == img_path and visible.channels != 4:
                raise ValueError(
                    f'{img_path} is its own partner and has {visible.channels} channels: no infrared image is in it. '
                    f'Give data_prefix[{self.INFRARED!r}] or ir_suffix, or AppendPartner a rule.'
                )
            if img_ir_path == img_path or not os.path.exists(img_ir_path):
                continue
            infrared = read_header(img_ir_path, self.backend_args)
            if not resizes and (infrared.width, infrared.height) != size:
                raise ValueError(sizes_differ(img_ir_path, (infrared.width, infrared.height), img_path, size))
        refuse_resized(others, len(infos), ', or set check_headers=False if the boxes are right')
        if others:
            print_log(
                f'{type(self).__name__}: {tell_sizes(others, len(infos))}; their boxes are taken as they are.',
                'current',
                logging.WARNING,
            )
