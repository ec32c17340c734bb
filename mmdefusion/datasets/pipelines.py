"""Finds a step in a pipeline of transforms, and inserts one after it."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from mmdefusion.utils.type_names import type_name

PARTNER = 'AppendPartner'
READER = 'LoadImageFromFile'
INSIDE = ('transforms', 'subroutines', 'branch_pipelines')  # where mmcv's and mmdet's steps keep those inside them


def find_step(pipeline: Sequence[dict], name: str) -> int | None:
    """Index of the first transform called ``name``; its type may have a scope (``'mmdefusion.X'``) or be a class."""
    return next((place for place, step in enumerate(pipeline) if type_name(step) == name), None)


def has_step(pipeline: Sequence[dict], name: str) -> bool:
    """Whether the pipeline has a transform called ``name``, also inside TestTimeAug."""
    return find_step(pipeline, name) is not None or any(_find_inside(step, name) is not None for step in pipeline)


def insert_behind(pipeline: Sequence[dict], name: str, transform: dict) -> list[dict]:
    """Copies the pipeline and inserts a transform after the first one called ``name``, also inside TestTimeAug.

    Raises:
        ValueError: if the pipeline has no such transform.
    """
    if (place := find_step(pipeline, name)) is not None:
        return [*pipeline[: place + 1], transform, *pipeline[place + 1 :]]
    for place, step in enumerate(pipeline):
        if (inside := _find_inside(step, name)) is not None:
            groups = step['transforms']
            groups = [*groups[: inside + 1], [transform], *groups[inside + 1 :]]
            return [*pipeline[:place], dict(step, transforms=groups), *pipeline[place + 1 :]]
    raise ValueError(f'The pipeline has no {name}: its steps are {[step["type"] for step in pipeline]}.')


def built_steps(step: Callable) -> Iterator[Callable]:
    """Yields a transform and those inside it, as in RandomApply, TestTimeAug and MultiBranch."""
    yield step
    for inside in (getattr(step, key, None) for key in INSIDE):
        if callable(inside):  # a Compose, which has steps inside itself
            yield from built_steps(inside)
        elif isinstance(inside, Mapping | Sequence):
            for inner in inside.values() if isinstance(inside, Mapping) else inside:
                yield from built_steps(inner)


def _find_inside(step: dict, name: str) -> int | None:
    """Index of the group of alternatives with a transform called ``name``, if the step is TestTimeAug."""
    if type_name(step) != 'TestTimeAug':
        return None
    groups = enumerate(step['transforms'])
    return next((place for place, group in groups if find_step(group, name) is not None), None)
