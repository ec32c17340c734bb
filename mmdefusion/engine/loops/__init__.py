from .pretrain_loop import PretrainLoop

__all__ = ['PretrainLoop']
