"""Checks all data sets of a config, and whether the model fits them."""

from collections.abc import Iterator, Sequence

from mmengine.config import Config, ConfigDict
from mmengine.registry import DefaultScope

from ..pipeline_faults import appends_partner, pipeline_faults
from ..wrapped import inner_datasets
from .dataset import check_dataset
from .model import model_faults
from .report import SplitReport

SPLITS = ('train', 'val', 'test')


def check_config(cfg: Config, splits: Sequence[str] = SPLITS, pixels: bool = False) -> list[SplitReport]:
    """Checks the data sets of a config's loaders, also those inside wrappers; equal data sets are checked once.

    Args:
        cfg: any config with ``{split}_dataloader``.
        splits: of 'train', 'val', 'test'; those that the config lacks are skipped.
        pixels: whether to decode every image; otherwise label maps and a few pairs are decoded, and the headers of
            images read.

    Raises:
        ValueError: if the config has none of ``splits``.
    """
    found: list[tuple[str, ConfigDict, list[str]]] = []
    for split in splits:
        for dataset, faults in _data_sets(cfg.get(f'{split}_dataloader')):
            same = next((i for i, (_, other, _) in enumerate(found) if other == dataset), None)
            if same is None:
                found.append((split, dataset, faults))
            elif split not in found[same][0].split('+'):
                found[same] = (f'{found[same][0]}+{split}', dataset, faults)
    if not found:
        loaders = ', '.join(f'{split}_dataloader' for split in splits)
        raise ValueError(f'{cfg.filename} has no data set to check; give it one of {loaders}')
    reports = []
    with DefaultScope.overwrite_default_scope(cfg.get('default_scope')):
        for split, dataset, faults in found:
            report = check_dataset(dataset, split, pixels)
            report.wrong_settings += faults
            paired = appends_partner(dataset.get('pipeline') or ())
            if cfg.get('model'):
                report.wrong_settings += model_faults(cfg.model, list(report.classes), paired)
            if 'train' in split.split('+'):
                report.wrong_settings += _later_faults(cfg.get('custom_hooks') or (), paired)
            reports.append(report)
    return reports


def _later_faults(hooks: Sequence[ConfigDict], paired: bool) -> list[str]:
    """Faults of the pipelines to which hooks switch in the last epochs, as RTMDet's does."""
    faults = []
    for pipeline in (hook['switch_pipeline'] for hook in hooks if 'switch_pipeline' in hook):
        found = pipeline_faults(pipeline)
        if paired and not appends_partner(pipeline):
            found.append('it has no AppendPartner, as the pipeline before it has')
        faults += [f'switch_pipeline of custom_hooks: {fault}' for fault in found]
    return faults


def _data_sets(loader: ConfigDict | None) -> Iterator[tuple[ConfigDict, list[str]]]:
    """The data sets of a loader, or of the loaders that it contains (images and pairs in turn).

    Each comes with the faults of the pipelines of its wrappers (MultiImageMixDataset has one).
    """
    if not loader:
        return
    for one in [loader] if 'dataset' in loader else [one for one in loader.values() if isinstance(one, dict)]:
        if 'dataset' in one:
            for dataset, wrappers in inner_datasets(one['dataset']):
                paired = appends_partner(dataset.get('pipeline') or ())
                pipelines = [wrapper['pipeline'] for wrapper in wrappers if wrapper.get('pipeline')]
                yield dataset, [fault for one in pipelines for fault in pipeline_faults(one, appended=paired)]
