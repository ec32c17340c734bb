from .one_size_loops import OneSizeTestLoop, OneSizeValLoop
from .pretrain_loop import PretrainLoop

__all__ = ['OneSizeTestLoop', 'OneSizeValLoop', 'PretrainLoop']
