"""Models of which the fused tokens of all training images are kept, on another data set than that of their config."""

from mmengine.config import Config, ConfigDict

from mmdefusion.datasets.pipeline_faults import PLACE
from mmdefusion.datasets.pipelines import PARTNER, insert_behind
from mmdefusion.utils.type_names import type_name


def kept_tokens_hooks(config: Config) -> list[ConfigDict]:
    """The configs of a model's :class:`~mmdefusion.engine.hooks.KeptTokensHook`: one, or none."""
    return [hook for hook in config.get('custom_hooks') or [] if type_name(hook) == 'KeptTokensHook']


def let_images_say_their_place(config: Config) -> None:
    """Inserts into the training pipeline, which is the data set's, the step that such a model needs, in place."""
    dataset = config.train_dataloader.dataset
    dataset.pipeline = insert_behind(dataset.pipeline, PARTNER, dict(type=f'mmdefusion.{PLACE}'))


def leave_places_out(config: Config) -> None:
    """Removes from the training pipeline what only such a model needs, in place."""
    dataset = config.train_dataloader.dataset
    dataset.pipeline = [step for step in dataset.pipeline if type_name(step) != PLACE]
