"""Child registries with scope ``mmdefusion``.

A config of any toolbox names the classes of this package ``mmdefusion.X``. At the first look-up, MMEngine imports the
modules in ``locations``, which register ``X``.
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
    FUNCTIONS as MMENGINE_FUNCTIONS,
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
    WEIGHT_INITIALIZERS as MMENGINE_WEIGHT_INITIALIZERS,
)
from mmengine.registry import (
    Registry,
)

MODELS = Registry('model', parent=MMENGINE_MODELS, locations=['mmdefusion.models.registered'])
DATASETS = Registry('dataset', parent=MMENGINE_DATASETS, locations=['mmdefusion.datasets.registered'])
DATA_SAMPLERS = Registry('data sampler', parent=MMENGINE_DATA_SAMPLERS, locations=['mmdefusion.datasets.registered'])
TRANSFORMS = Registry('transform', parent=MMENGINE_TRANSFORMS, locations=['mmdefusion.datasets.transforms'])
FUNCTIONS = Registry('function', parent=MMENGINE_FUNCTIONS, locations=['mmdefusion.engine'])
HOOKS = Registry('hook', parent=MMENGINE_HOOKS, locations=['mmdefusion.engine'])
LOOPS = Registry('loop', parent=MMENGINE_LOOPS, locations=['mmdefusion.engine'])
METRICS = Registry('metric', parent=MMENGINE_METRICS, locations=['mmdefusion.evaluation.metrics'])
WEIGHT_INITIALIZERS = Registry(
    'weight initializer', parent=MMENGINE_WEIGHT_INITIALIZERS, locations=['mmdefusion.models.registered']
)
OPTIM_WRAPPERS = Registry('optimizer wrapper', parent=MMENGINE_OPTIM_WRAPPERS, locations=['mmdefusion.engine'])
OPTIM_WRAPPER_CONSTRUCTORS = Registry(
    'optimizer wrapper constructor', parent=MMENGINE_OPTIM_WRAPPER_CONSTRUCTORS, locations=['mmdefusion.engine']
)


def build_model_part(part: Any) -> Any:
    """Builds a part of a network from its config; a part that is built already is returned as it is.

    So a network takes configs, as in training, or built parts, as when the config comes out of a checkpoint and must
    not reach a registry, which would import and call any name.

    Args:
        part: a config, a module, or a list of these, which becomes a Sequential.
    """
    if isinstance(part, list | tuple):
        return Sequential(*map(build_model_part, part))
    return MODELS.build(part) if isinstance(part, dict) else part
