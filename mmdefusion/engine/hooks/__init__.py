from .broken_files_hook import BrokenFilesHook
from .closed_form_init_hook import ClosedFormInitHook
from .exact_resume_hook import ExactResumeHook
from .finite_loss_hook import FiniteLossHook
from .frozen_start_hook import FrozenStartHook
from .kept_tokens_hook import KeptTokensHook
from .paired_visualization_hook import PairedVisualizationHook
from .plain_checkpoint_hook import PlainCheckpointHook
from .pretraining_panel_hook import PretrainingPanelHook
from .safe_checkpoint_hook import SafeCheckpointHook

__all__ = [
    'BrokenFilesHook',
    'ClosedFormInitHook',
    'ExactResumeHook',
    'FiniteLossHook',
    'FrozenStartHook',
    'KeptTokensHook',
    'PairedVisualizationHook',
    'PlainCheckpointHook',
    'PretrainingPanelHook',
    'SafeCheckpointHook',
]
