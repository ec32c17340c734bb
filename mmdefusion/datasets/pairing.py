"""What makes a toolbox's data set a paired one: every sample knows its partner, and no file is missing."""

import os
from collections.abc import Iterable, Sequence

from mmdefusion.utils.image_headers import IMAGE_SUFFIXES, read_header
from mmdefusion.utils.paths import is_local

from .pipeline_faults import pipeline_faults


def partner_path(
    img_path: str, vi_prefix: str, ir_prefix: str, vi_suffix: str | None = None, ir_suffix: str | None = None
) -> str:
    """The same relative path under the other prefix, with the other suffix if there is one.

    ``vi_suffix`` may be more than the extension ('_RGB.jpg'); without it the extension of ``img_path`` is replaced.

    Raises:
        ValueError: ``img_path`` is not under ``vi_prefix`` or does not end with ``vi_suffix``.
    """
    if not img_path.startswith(vi_prefix):
        raise ValueError(f'{img_path} is not under {vi_prefix}; make the paths in the annotations relative to it')
    relative = img_path[len(vi_prefix) :].lstrip('/' + os.sep)
    if ir_suffix is not None:
        vi_suffix = os.path.splitext(relative)[1] if vi_suffix is None else vi_suffix
        if not relative.endswith(vi_suffix):
            raise ValueError(f'{img_path} does not end with {vi_suffix!r}; set img_suffix to how the visible names end')
        relative = relative[: len(relative) - len(vi_suffix)] + ir_suffix
    return os.path.join(ir_prefix, relative)


def absent_files(paths: Iterable[str], backend_args: dict | None = None) -> list[str]:
    """Those of ``paths`` that are not there; one listing per folder, not one look-up per file.

    Files that are not local are taken to be there: asking a server for each would take too long.
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
    """``name`` without an image's or annotation's extension: split files list '00001', '00001.png' or '00001.xml'."""
    stem, extension = os.path.splitext(name)
    return stem if extension.lower() in suffixes else name


def sizes_differ(partner: str, partner_size: Sequence[int], img_path: str | None, size: Sequence[int]) -> str:
    """What is said of a pair whose images have two sizes (width, height)."""
    return (
        f'partner {partner} is {partner_size[0]}x{partner_size[1]}, visible image {img_path} is {size[0]}x{size[1]}; '
        "align the pair, or set size_mismatch='resize' in AppendPartner"
    )


class PairedDatasetMixin:
    """Put before a data set class of mmdet or mmseg, gives each ``data_info`` the key ``img_ir_path``.

    The partner has the visible image's path relative to ``data_prefix[VISIBLE]``, under ``data_prefix[INFRARED]``.
    An empty data set and absent local files are errors in ``full_init``, so before training begins; only what is left
    after ``filter_cfg`` and ``indices`` is asked for.

    Args:
        ir_suffix: What infrared names end with instead of ``img_suffix`` (or the extension). Defaults to the same.
        allow_missing_partner: Partners may be absent, and AppendPartner(missing='zeros' or 'copy') stands in.
        check_headers: Also read the headers of all local images in ``full_init`` (a few seconds for ten thousand
            pairs) and stop where one is no image, has more pixels than :func:`max_pixels` or, unless AppendPartner
            resizes, a pair's sizes differ.

    Raises:
        FileNotFoundError: Files of the data set are not there.
        ValueError: The pipeline would fail on pairs or spoil them, ``data_prefix`` lacks a key, there is no image, or
            images are broken or of unequal sizes.
    """

    VISIBLE = 'img'
    INFRARED = 'img_ir'
    img_suffix: str | None = None
    # checks.py, which lists all that is missing instead of stopping at the first, sets it to False
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
        super().__init__(*args, **kwargs)

    def find_partner(self, img_path: str) -> str:
        """The infrared path of a visible path; for other layouts, override this."""
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
        """Where the list of images comes from, for errors."""
        folder = self._prefix(self.VISIBLE)
        return f'ann_file {self.ann_file}, images in {folder}' if self.ann_file else f'folder {folder}'

    def list_samples(self) -> list[dict]:
        """The samples without their partners, as the toolbox's class lists them."""
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
                'correct the path or img_suffix'
            )
        for data_info in data_list:
            data_info['img_ir_path'] = self.find_partner(data_info['img_path'])
        return data_list

    def filter_data(self) -> list[dict]:
        kept = super().filter_data()
        if not kept:
            raise ValueError(
                f'{type(self).__name__} is empty: filter_cfg={self.filter_cfg} drops all {len(self.data_list)} images '
                f'of {self.source()}; loosen it, or compare the classes with those in the annotations'
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
        mend = f'correct data_root={self.data_root!r} or data_prefix, or add them'
        groups = [
            ('visible images', [info['img_path'] for info in infos], mend),
            ('label maps', [info['seg_map_path'] for info in infos if info.get('seg_map_path')], mend),
        ]
        if not self.allow_missing_partner:
            zeros = "set allow_missing_partner=True here and missing='zeros' or 'copy' in AppendPartner"
            groups.append(('partners', [info['img_ir_path'] for info in infos], f'{mend}, or {zeros}'))
        for what, paths, mend in groups:
            if absent := absent_files(paths, self.backend_args):
                found = f'{len(absent)} of {len(paths)} {what} are not there, first {absent[0]}'
                raise FileNotFoundError(f'{type(self).__name__}: {found}; {mend}')

    def _check_headers(self, infos: list[dict]) -> None:
        """Found here, a broken image or an unequal pair costs seconds; found by a worker, hours of training."""
        resizes = any(getattr(step, 'size_mismatch', 'error') == 'resize' for step in self.pipeline.transforms)
        for info in infos:
            img_path, img_ir_path = info['img_path'], info['img_ir_path']
            if not is_local(img_path, self.backend_args):
                return
            visible = read_header(img_path, self.backend_args)  # the stock LoadImageFromFile would decode any size
            if info.get('seg_map_path'):
                read_header(info['seg_map_path'], self.backend_args)
            if img_ir_path == img_path or not os.path.exists(img_ir_path):
                continue
            infrared = read_header(img_ir_path, self.backend_args)
            if not resizes and (infrared.width, infrared.height) != (visible.width, visible.height):
                sizes = (infrared.width, infrared.height), (visible.width, visible.height)
                raise ValueError(sizes_differ(img_ir_path, sizes[0], img_path, sizes[1]))
