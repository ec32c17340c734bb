"""Fusion metrics in a runner."""

import csv
from collections.abc import Sequence
from pathlib import Path

from mmengine.dist import is_main_process
from mmengine.evaluator import BaseMetric

from mmdefusion.registry import METRICS
from mmdefusion.utils.files import make_writable, write_image

from ..functional import PROTOCOLS


@METRICS.register_module()
class FusionMetric(BaseMetric):
    """Means of a protocol's metrics over the fused images that :class:`PictureFuser` predicts.

    Args:
        protocol: ``'vifb'``, ``'gray'``, ``'extra'`` or ``'all'``, see :mod:`mmdefusion.evaluation.functional`.
        out_dir: where fused images (``fused/NAME.png``) and a row of scores for each (``scores.csv``) are written.
        **kwargs: of BaseMetric.

    Raises:
        ValueError: if there is no such protocol.
    """

    default_prefix = 'fusion'

    def __init__(self, protocol: str = 'vifb', out_dir: str | None = None, **kwargs) -> None:
        super().__init__(**kwargs)
        if protocol not in PROTOCOLS:
            raise ValueError(f'protocol={protocol!r} is none of {", ".join(PROTOCOLS)}.')
        self.protocol = PROTOCOLS[protocol]
        self.out_dir = None if out_dir is None else make_writable(out_dir)

    def process(self, data_batch: object, data_samples: Sequence[dict]) -> None:
        for sample in data_samples:
            fused = sample['fused']
            scores = self.protocol.scores(sample['visible'], sample['infrared'], fused)
            self.results.append(dict(image=sample['name'], **scores))
            if self.out_dir:
                picture = fused if fused.ndim == 2 else fused[..., ::-1]
                write_image(self.out_dir / 'fused' / f'{sample["name"]}.png', picture)

    def compute_metrics(self, results: list[dict]) -> dict[str, float]:
        mean = {name: sum(row[name] for row in results) / len(results) for name in self.protocol.metrics}
        if self.out_dir and is_main_process():
            write_scores([*results, dict(image='mean', **mean)], self.out_dir / 'scores.csv')
        return mean


def write_scores(rows: Sequence[dict], path: Path) -> None:
    """A CSV with a column ``image`` and one for each metric, six digits after the point."""
    with path.open('w', newline='') as file:
        writer = csv.writer(file)
        writer.writerow(rows[0])
        writer.writerows(
            [f'{value:.6f}' if isinstance(value, float) else value for value in row.values()] for row in rows
        )
