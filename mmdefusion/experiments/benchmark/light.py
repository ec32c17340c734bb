"""Light heads: on a CPU, those of the zoo take most of an iteration, whatever they stand on."""

from mmengine.config import Config, ConfigDict

WIDTH = 64  # channels of the maps and of the head
HEADS = {
    'ATSSHead': dict(stacked_convs=1, feat_channels=WIDTH),
    'FCNHead': dict(channels=WIDTH, num_convs=1),
}


def make_light(config: Config) -> None:
    """Narrows the maps that a model's head reads, and gives the head one convolution, in place.

    The same is done to every model, so that what is left to compare is what lies before the maps. An auxiliary head is
    taken away.

    Raises:
        ValueError: if the head is not known here, or nothing in the model makes maps of the width that it reads.
    """
    model = config.model
    slot = 'bbox_head' if 'bbox_head' in model else 'decode_head'
    head = model.get(slot) or ConfigDict(type='none')
    if head.type not in HEADS:
        raise ValueError(f'{config.filename}: light heads are {", ".join(HEADS)}, not {head.type}.')
    width = head.in_channels if isinstance(head.in_channels, int) else head.in_channels[0]
    if not sum(_narrow(model.get(part), width) for part in ('backbone', 'neck')):
        raise ValueError(f'{config.filename}: no part has out_channels={width}, which its {head.type} reads.')
    head.update(HEADS[head.type])
    head.in_channels = WIDTH if isinstance(head.in_channels, int) else [WIDTH] * len(head.in_channels)
    model.pop('auxiliary_head', None)


def _narrow(part: dict | list | None, width: int) -> int:
    """Sets every ``out_channels`` of the width, and returns how many there were."""
    if isinstance(part, list | tuple):
        return sum(_narrow(inner, width) for inner in part)
    if not isinstance(part, dict):
        return 0
    found = part.get('out_channels') == width
    if found:
        part['out_channels'] = WIDTH
    return found + sum(_narrow(inner, width) for inner in part.values())
