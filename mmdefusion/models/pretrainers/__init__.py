from .cud import CUDPretrainer
from .mae import MAEDecoder, MAEPretrainer
from .mcud import MCUDPretrainer
from .views import MaskedViews

__all__ = ['CUDPretrainer', 'MAEDecoder', 'MAEPretrainer', 'MCUDPretrainer', 'MaskedViews']
