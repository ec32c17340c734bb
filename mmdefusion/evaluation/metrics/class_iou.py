"""mmseg's IoU with the IoU of each class among the results."""

from mmseg.evaluation import IoUMetric

from mmdefusion.registry import METRICS


@METRICS.register_module()
class ClassIoUMetric(IoUMetric):
    """mmseg's IoUMetric, which also returns the IoU of each class as ``IoU/NAME`` instead of only printing it.

    The arguments are those of IoUMetric. Scores are in percent.
    """

    def compute_metrics(self, results: list) -> dict[str, float]:
        metrics = super().compute_metrics(results)
        if self.format_only:
            return metrics
        areas = [sum(part) for part in zip(*results, strict=True)]
        scores = self.total_area_to_metrics(*areas, ['mIoU'], self.nan_to_num, self.beta)
        names = self.dataset_meta['classes']
        return metrics | {
            f'IoU/{name}': round(float(value) * 100, 2) for name, value in zip(names, scores['IoU'], strict=True)
        }
