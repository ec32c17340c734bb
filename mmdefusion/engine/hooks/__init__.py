from .broken_files_hook import BrokenFilesHook
from .closed_form_init_hook import ClosedFormInitHook
from .finite_loss_hook import FiniteLossHook
from .paired_visualization_hook import PairedVisualizationHook
from .plain_checkpoint_hook import PlainCheckpointHook
from .pretraining_panel_hook import PretrainingPanelHook

__all__ = [
    'BrokenFilesHook',
    'ClosedFormInitHook',
    'FiniteLossHook',
    'PairedVisualizationHook',
    'PlainCheckpointHook',
    'PretrainingPanelHook',
]
