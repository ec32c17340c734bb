"""Child registries with scope ``mmdefusion``.

A config of any toolbox names our parts ``mmdefusion.X``; ``locations`` lets MMEngine import the
module that registers ``X`` at the first look-up.
"""

from typing import Any

from mmengine.model import Sequential
from mmengine.registry import (
    DATA_SAMPLERS as MMENGINE_DATA_SAMPLERS,
)
from mmengine.registry import (
    DATASETS as MMENGINE_DATASETS,
)
from mmengine.registry import (
    HOOKS as MMENGINE_HOOKS,
)
from mmengine.registry import (
    LOOPS as MMENGINE_LOOPS,
)
from mmengine.registry import (
    METRICS as MMENGINE_METRICS,
)
from mmengine.registry import (
    MODELS as MMENGINE_MODELS,
)
from mmengine.registry import (
    OPTIM_WRAPPER_CONSTRUCTORS as MMENGINE_OPTIM_WRAPPER_CONSTRUCTORS,
)
from mmengine.registry import (
    OPTIM_WRAPPERS as MMENGINE_OPTIM_WRAPPERS,
)
from mmengine.registry import (
    TRANSFORMS as MMENGINE_TRANSFORMS,
)
from mmengine.registry import (
    Registry,
)

MODELS = Registry('model', parent=MMENGINE_MODELS, locations=['mmdefusion.models.registered'])
DATASETS = Registry('dataset', parent=MMENGINE_DATASETS, locations=['mmdefusion.datasets.registered'])
DATA_SAMPLERS = Registry('data sampler', parent=MMENGINE_DATA_SAMPLERS, locations=['mmdefusion.datasets.registered'])
TRANSFORMS = Registry('transform', parent=MMENGINE_TRANSFORMS, locations=['mmdefusion.datasets.transforms'])
HOOKS = Registry('hook', parent=MMENGINE_HOOKS, locations=['mmdefusion.engine'])
LOOPS = Registry('loop', parent=MMENGINE_LOOPS, locations=['mmdefusion.engine'])
METRICS = Registry('metric', parent=MMENGINE_METRICS, locations=['mmdefusion.evaluation.metrics'])
OPTIM_WRAPPERS = Registry('optimizer wrapper', parent=MMENGINE_OPTIM_WRAPPERS, locations=['mmdefusion.engine'])
OPTIM_WRAPPER_CONSTRUCTORS = Registry(
    'optimizer wrapper constructor', parent=MMENGINE_OPTIM_WRAPPER_CONSTRUCTORS, locations=['mmdefusion.engine']
)


def build_model_part(part: Any) -> Any:
    """What a config describes, or the part itself where it comes built; of a list a Sequential.

    So a network takes configs, as those of training, or built parts, as where the config comes out of a file and no
    registry may look at it.
    """
    if isinstance(part, list | tuple):
        return Sequential(*map(build_model_part, part))
    return MODELS.build(part) if isinstance(part, dict) else part
