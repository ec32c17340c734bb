"""Child registries with scope ``mmdefusion``.

A config of any toolbox names our parts ``mmdefusion.X``; ``locations`` lets MMEngine import the
module that registers ``X`` at the first look-up.
"""

from mmengine.registry import (
    DATASETS as MMENGINE_DATASETS,
)
from mmengine.registry import (
    HOOKS as MMENGINE_HOOKS,
)
from mmengine.registry import (
    MODELS as MMENGINE_MODELS,
)
from mmengine.registry import (
    OPTIM_WRAPPER_CONSTRUCTORS as MMENGINE_OPTIM_WRAPPER_CONSTRUCTORS,
)
from mmengine.registry import (
    TRANSFORMS as MMENGINE_TRANSFORMS,
)
from mmengine.registry import (
    Registry,
)

MODELS = Registry('model', parent=MMENGINE_MODELS, locations=['mmdefusion.models'])
DATASETS = Registry('dataset', parent=MMENGINE_DATASETS, locations=['mmdefusion.datasets'])
TRANSFORMS = Registry('transform', parent=MMENGINE_TRANSFORMS, locations=['mmdefusion.datasets.transforms'])
HOOKS = Registry('hook', parent=MMENGINE_HOOKS, locations=['mmdefusion.engine'])
OPTIM_WRAPPER_CONSTRUCTORS = Registry(
    'optimizer wrapper constructor', parent=MMENGINE_OPTIM_WRAPPER_CONSTRUCTORS, locations=['mmdefusion.engine']
)
