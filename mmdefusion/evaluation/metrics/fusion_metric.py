"""Fusion metrics for MMEngine's runner."""

from collections.abc import Sequence

from mmengine.dist import is_main_process
from mmengine.evaluator import BaseMetric

from mmdefusion.registry import METRICS
from mmdefusion.utils.files import make_writable, write_image
from mmdefusion.utils.image_io import reverse_channels

from ..functional import PROTOCOLS
from ..score_table import mean_row, write_scores


@METRICS.register_module()
class FusionMetric(BaseMetric):
    """Means of the metrics of a protocol over the fused images that :class:`PictureFuser` predicts.

    Infinite values, such as the PSNR of a black image, are named in a warning and left out of the means.

    Args:
        protocol: ``'vifb'``, ``'gray'``, ``'extra'``, ``'all'`` (these three) or ``'targets'``, see
            :mod:`mmdefusion.evaluation.functional`.
        out_dir: folder for the fused images (``fused/NAME.png``) and their scores (``scores.csv``); None writes
            nothing.
        **kwargs: arguments of BaseMetric.

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
            try:
                scores = self.protocol.scores(sample['visible'], sample['infrared'], fused)
            except ValueError as error:
                raise ValueError(f'{sample["name"]}: {error}') from None
            self.results.append((sample['name'], scores))
            if self.out_dir:
                write_image(self.out_dir / 'fused' / f'{sample["name"]}.png', reverse_channels(fused))

    def compute_metrics(self, results: list[tuple[str, dict]]) -> dict[str, float]:
        rows = dict(results)
        if self.out_dir and is_main_process():
            return write_scores(rows, self.out_dir / 'scores.csv')
        return mean_row(rows)
