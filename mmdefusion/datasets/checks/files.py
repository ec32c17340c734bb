"""Checks the files of a data set: whether they exist, can be read, and fit each other."""

from mmengine import fileio
from mmengine.dataset import BaseDataset

from mmdefusion.utils.image_headers import Header, UnusableImage, read_header
from mmdefusion.utils.image_io import decode_image

from ..annotated_sizes import OtherSize
from ..pairing import absent_files, other_ending
from ..transforms import AppendPartner
from .report import SplitReport


def find_files(report: SplitReport, dataset: BaseDataset, infos: list[dict], append: AppendPartner | None) -> None:
    """Adds the path of each partner to its ``data_info``, and missing files to the report."""
    backend_args = getattr(dataset, 'backend_args', None)
    needed = [info[key] for info in infos for key in ('img_path', 'xml_path', 'seg_map_path') if info.get(key)]
    report.missing += absent_files(needed, backend_args)
    paired = [info for info in infos if append or info.get('img_ir_path')]
    if append:
        for info in paired:
            info['img_ir_path'] = append.find(info)
    absent = absent_files(
        [info['img_ir_path'] for info in paired if info['img_ir_path'] != info['img_path']], backend_args
    )
    stands_in = append is not None and append.missing != 'error' and getattr(dataset, 'allow_missing_partner', True)
    (report.made_up if stands_in else report.missing).extend(absent)
    if absent and (other := other_ending(absent[0], getattr(dataset, 'ir_suffix', None))):
        report.wrong_settings.append(f'{len(absent)} of {len(paired)} partners are not there, first {absent[0]}{other}')
    not_there = set(absent) | set(report.missing)
    report.partners = sum(info['img_ir_path'] not in not_there for info in paired)
    maps = [info['seg_map_path'] for info in infos if info.get('seg_map_path')]
    report.label_maps = sum(path not in not_there for path in maps)


def check_headers(report: SplitReport, info: dict, append: AppendPartner, absent: set[str]) -> set[str]:
    """Compares the sizes of the images of one sample, and returns the paths with a valid header."""
    headers: dict[str, Header] = {}
    img_path, img_ir_path, seg_map_path = (info.get(key) for key in ('img_path', 'img_ir_path', 'seg_map_path'))
    for path in {img_path, img_ir_path, seg_map_path} - absent - {None}:
        try:
            headers[path] = read_header(path, append.backend_args, append.max_pixels)
        except (OSError, UnusableImage) as error:
            report.unreadable.append(str(error))
    report.deep_partners += img_ir_path in headers and headers[img_ir_path].deep
    if img_path not in headers:
        return set(headers)
    visible = headers[img_path]
    size = (visible.width, visible.height)
    report.sizes[size] += 1
    annotated = 'width' in info and info.get('xml_path') not in absent
    if annotated and (told := (info['width'], info['height'])) != size:
        report.mismatched.append(str(OtherSize(img_path, size, told)))
    for path, header in headers.items():
        if (header.width, header.height) != size:
            resized = path == img_ir_path and append.size_mismatch == 'resize'
            line = f'{path} is {_by((header.width, header.height))}, {img_path} is {_by(size)}'
            (report.resized if resized else report.mismatched).append(line)
    if img_ir_path == img_path and visible.channels != 4:
        report.unreadable.append(f'{img_path} has {visible.channels} channel(s), so no infrared image in it')
        return set()
    return set(headers)


def decode(report: SplitReport, info: dict, append: AppendPartner, readable: set[str]) -> None:
    """Decodes the images of one pair that are in ``readable``."""
    img_path, img_ir_path = info['img_path'], info.get('img_ir_path')
    try:
        if img_path in readable:
            decode_image(fileio.get(img_path, backend_args=append.backend_args), img_path, limit=append.max_pixels)
        if img_ir_path in readable:
            append.read(img_ir_path, img_path)
    except (ValueError, OSError) as error:
        report.unreadable.append(str(error))


def _by(size: tuple[int, int]) -> str:
    return f'{size[0]}x{size[1]}'
