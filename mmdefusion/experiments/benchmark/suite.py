"""The project's own benchmark: several tables, of a size that two cores train in two hours."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmdefusion.scenes import write_scenes
from mmdefusion.utils.files import write_text
from mmdefusion.utils.paths import CONFIGS

from .run import Benchmark, run_benchmark

ROWS = (  # in the order in which they are trained
    'spatial-prior',
    'spatial-prior@prior',
    'resnet18-early-fusion',
    'resnet18-infrared',
    'resnet18-visible',
    'defusionpp-guided_vit-tiny',
    'defusionpp_vit-tiny@tiny',
)
PAIRS = 'pictures.jpg'  # the file of a report that shows pairs
NOT_OURS = f"(The pictures of test pairs are the data set's, not ours to publish: `{PAIRS}` in the work dir.)"


@dataclass(frozen=True)
class SuiteTable:
    """One table of the benchmark.

    Attributes:
        data: name of the config of the data set, without ``.py``.
        head: ``'atss'`` or ``'fcn'``.
        budget: of each training.
        options: settings of all models.
    """

    data: str
    head: str
    budget: str
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def models(self) -> list[str]:
        """The models of the rows, with the head."""
        return ['@'.join([f'{name}_{self.head}', *weights]) for name, *weights in (row.split('@') for row in ROWS)]

    @property
    def generated(self) -> bool:
        """Whether its pairs are generated scenes, which may be published."""
        return self.data.startswith('scenes-')

    @property
    def config(self) -> Path:
        """The config of the data set."""
        return next(path for root in CONFIGS if (path := root / f'_base_/datasets/{self.data}.py').is_file())


# anchors of 16 instead of 32 pixels at stride 4: people on the road are small
SMALL = {'model.bbox_head.anchor_generator.octave_base_scale': 4}
# dead trees are one pixel of sixty
WEIGHTED = {'model.decode_head.loss_decode.class_weight': [1.0, 8.0]}
TABLES = {
    'msrs': SuiteTable('msrs-sample', 'atss', '400i', SMALL),
    'scenes': SuiteTable('scenes-detection-320x256', 'atss', '200i'),
    'trees': SuiteTable('trees-sample', 'fcn', '300i', WEIGHTED),
    'flir': SuiteTable('flir-sample', 'atss', '200i', SMALL),
    'msrs-minutes': SuiteTable('msrs-sample', 'atss', '10min', SMALL),
    'scenes-minutes': SuiteTable('scenes-detection-320x256', 'atss', '5min'),
    'trees-minutes': SuiteTable('trees-sample', 'fcn', '10min', WEIGHTED),
}
FIRST = ('msrs', 'scenes', 'trees')  # what runs unless other tables are named


def run_suite(
    work_dir: Path,
    tables: Sequence[str] = FIRST,
    seeds: int = 1,
    publish: Path | None = None,
    notify: Callable[[str], None] = print,
    run: Callable[..., Benchmark] = run_benchmark,
) -> dict[str, Benchmark]:
    """Runs tables of the benchmark, the first seed of all of them before the second of any.

    What is finished is not repeated. Generated scenes are written where they are missing; a table whose data are
    missing is left out, and a line says so.

    Args:
        work_dir: folder with a folder of each table.
        tables: names of tables.
        seeds: number of trainings of each model.
        publish: folder into which the reports and their image files are copied, each table in its own.
        notify: function that gets a line about each training.
        run: what trains and tests a table.

    Returns:
        The results by table.

    Raises:
        ValueError: if there is no table of a name.
    """
    if unknown := [name for name in tables if name not in TABLES]:
        raise ValueError(f'{", ".join(unknown)}: no such table; there are {", ".join(TABLES)}.')
    found = {}
    for count in range(1, seeds + 1):
        for name in tables:
            table = TABLES[name]
            if missing := missing_data(table):
                notify(f'{name}: left out, as {missing} is not there (docs/datasets.md, "Samples")')
                continue
            notify(f'{name}: {count} of {seeds} seeds')
            found[name] = run(
                table.config,
                table.models,
                table.budget,
                count,
                work_dir / name,
                options=table.options,
                notify=notify,
                light=True,
            )
            if publish:
                copy_report(found[name].report.parent, publish / name, table.generated)
    return found


def missing_data(table: SuiteTable) -> Path | None:
    """The folder of a table's data if it is not there; that of the generated scenes is written."""
    config = Config.fromfile(table.config)
    root = Path(config.train_dataloader.dataset.data_root)
    if table.generated:
        write_scenes(root, size=config.image_size)
    return None if root.is_dir() else root


def copy_report(source: Path, target: Path, generated: bool) -> None:
    """Copies a report in Markdown with its plots, and with its pictures of pairs if these are generated."""
    target.mkdir(parents=True, exist_ok=True)
    text = (source / 'report.md').read_text(encoding='utf-8')
    write_text(target / 'report.md', text if generated else text.replace(f'![pictures]({PAIRS})', NOT_OURS))
    for file in [*source.glob('*.png'), *([source / PAIRS] if generated else [])]:
        shutil.copyfile(file, target / file.name)
