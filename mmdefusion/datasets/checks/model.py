"""Checks whether the config of a model fits the data."""

from collections.abc import Iterator, Sequence

from mmdefusion.utils.type_names import type_name

STOCK = ('BaseDataPreprocessor', 'ImgDataPreprocessor', 'DetDataPreprocessor', 'SegDataPreProcessor')


def model_faults(model: dict, classes: Sequence[str], paired: bool) -> list[str]:
    """Lists where a model does not fit the data, one line per fault with the remedy.

    Args:
        model: config of the model.
        classes: classes of the data set; empty if it has no labels.
        paired: whether the data set's pipeline appends the infrared image.
    """
    faults = [
        f'{path}.num_classes={count}, the data set has {len(classes)} classes ({", ".join(classes)}); '
        f'set it to {len(classes)}'
        for path, count in _head_classes(model, 'model')
        if classes and count != len(classes)
    ]
    preprocessor = model.get('data_preprocessor')
    kind = type_name(preprocessor) if preprocessor else None
    if paired and (kind is None or kind in STOCK):
        toolbox = 'Seg' if 'decode_head' in model else 'Det'
        faults.append(
            f'model.data_preprocessor is {kind}, made for three channels, and the pipeline appends the infrared image; '
            f"set type='mmdefusion.Paired{toolbox}DataPreprocessor'"
        )
    if not paired and kind is not None and kind.startswith('Paired'):
        faults.append(
            f'model.data_preprocessor is {kind}, and the pipeline has no AppendPartner, so no infrared image would '
            "reach it; put dict(type='mmdefusion.AppendPartner') after LoadImageFromFile, and name the "
            'pipeline in train_dataloader.dataset.pipeline, since a new train_pipeline alone is not used'
        )
    return faults


def _head_classes(config: object, path: str) -> Iterator[tuple[str, int]]:
    """Yields the path and ``num_classes`` of each head, except RPNs, whose proposals have no classes."""
    if isinstance(config, list | tuple):
        for place, inner in enumerate(config):
            yield from _head_classes(inner, f'{path}[{place}]')
    if isinstance(config, dict):
        if 'head' in path and 'rpn' not in path and isinstance(config.get('num_classes'), int):
            yield path, config['num_classes']
        for key, inner in config.items():
            yield from _head_classes(inner, f'{path}.{key}')
