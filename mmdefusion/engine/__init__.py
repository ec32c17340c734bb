from .hooks import *  # noqa: F403
from .loops import *  # noqa: F403
from .optimizers import *  # noqa: F403
from .resuming import resume_latest, use_safe_checkpoints  # noqa: F401
from .wrapping import wrap_blocks  # noqa: F401
