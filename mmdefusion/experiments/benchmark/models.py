"""The models that a comparison can name."""

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mmdefusion.evaluation.trial_scores import short_name
from mmdefusion.utils.paths import CONFIGS

FOLDERS = ('detection', 'segmentation', 'baselines')


def known_models() -> dict[str, Path]:
    """The configs of all models and baselines by their short names; of equal names the config on generated scenes."""
    root = next((root for root in CONFIGS if (root / '_base_').is_dir()), None)
    paths = [path for folder in FOLDERS for path in (root / folder).glob('*.py')] if root else []
    paths.sort(key=lambda path: ('scenes' in path.name, path.name))
    return {short_name(path): path for path in paths}


def models_by_task() -> dict[str, list[str]]:
    """The names of all models by what they learn from, DeFusion++ before the baselines, in the order of names.

    Baselines of both tasks lie in one folder, and are told by their heads: reading all configs would take seconds.
    """
    known = known_models()
    folders = {name: path.parent.name for name, path in known.items()}
    ends = {folder: {name.rpartition('_')[2] for name in known if folders[name] == folder} for folder in FOLDERS}
    found: dict[str, list[str]] = {'boxes': [], 'label maps': []}
    for name in sorted(known, key=lambda name: (folders[name] == 'baselines', name)):
        of_baseline = folders[name] == 'baselines' and name.rpartition('_')[2] in ends['segmentation']
        found['label maps' if of_baseline or folders[name] == 'segmentation' else 'boxes'].append(name)
    return found


def find_models(models: Sequence[str | os.PathLike]) -> list[Path]:
    """Finds the configs of models by short name or path.

    Raises:
        ValueError: if there is no such model, or two of them have the same short name.
    """
    known = known_models()
    paths = [known.get(os.fspath(model), Path(model)) for model in models]
    if unknown := [str(path) for path in paths if not path.is_file()]:
        raise ValueError(f'{", ".join(unknown)}: no such model; --list names all of them.')
    if len({short_name(path) for path in paths}) < len(paths):
        raise ValueError('Two of the models have the same name: give each once.')
    return paths


@dataclass(frozen=True)
class Candidate:
    """A model of a comparison, and the weights that it starts from.

    Attributes:
        name: name in the report.
        path: the model's config.
        weights: weights as a file or by their name; None for random weights.
        own: whether the weights were named for this model, not for all that have DeFusion++'s network.
    """

    name: str
    path: Path
    weights: str | None = None
    own: bool = False


def find_candidates(models: Sequence[str | os.PathLike], weights: str | None = None) -> list[Candidate]:
    """Finds models by short name or path; ``MODEL@WEIGHTS`` starts from weights of its own.

    Args:
        models: such as ``'resnet18-visible_atss'`` or ``'defusionpp-prior_vit-tiny_atss@tiny'``.
        weights: weights of DeFusion++'s networks without ``@``.

    Raises:
        ValueError: if there is no such model, or two of them have the same name.
    """
    found = []
    for text, own in map(split_weights, map(os.fspath, models)):
        (path,) = find_models([text])
        name = f'{short_name(path)}@{Path(own).stem}' if own else short_name(path)
        found.append(Candidate(name, path, own or weights, bool(own)))
    counts = Counter(one.name for one in found)
    for place, one in enumerate(found):
        if counts[one.name] > 1 and one.own:  # on hubs every file is model.safetensors
            file = Path(one.weights)
            found[place] = replace(one, name=f'{short_name(one.path)}@{file.parent.name}-{file.stem}')
    if len({one.name for one in found}) < len(found):
        raise ValueError('Two of the models have the same name: give each once.')
    return found


def split_weights(text: str) -> tuple[str, str]:
    """The model and the weights of ``MODEL@WEIGHTS``; both may have an @ of their own. The weights may be missing."""
    places = [place for place, letter in enumerate(text) if letter == '@']
    if Path(text).is_file() or not places:
        return text, ''
    known = known_models()
    place = next((place for place in places if text[:place] in known or Path(text[:place]).is_file()), places[0])
    return text[:place], text[place + 1 :]
