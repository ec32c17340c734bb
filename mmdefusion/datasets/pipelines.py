"""Finding a step in a pipeline of transforms, and putting one behind it."""

from collections.abc import Sequence

PARTNER = 'AppendPartner'


def find_step(pipeline: Sequence[dict], name: str) -> int | None:
    """Place of the first transform called ``name``: its type may have a scope (``'mmdefusion.X'``) or be the class."""
    return next((place for place, step in enumerate(pipeline) if name_of_step(step) == name), None)


def insert_behind(pipeline: Sequence[dict], name: str, transform: dict) -> list[dict]:
    """A copy of the pipeline with one transform more, behind the first called ``name``.

    Raises:
        ValueError: if the pipeline has no such transform.
    """
    place = find_step(pipeline, name)
    if place is None:
        raise ValueError(f'The pipeline has no {name}: its steps are {[step["type"] for step in pipeline]}.')
    return [*pipeline[: place + 1], transform, *pipeline[place + 1 :]]


def name_of_step(step: dict) -> str:
    """What a transform's config calls it, without the scope."""
    kind = step['type']
    return kind.rsplit('.', 1)[-1] if isinstance(kind, str) else kind.__name__
