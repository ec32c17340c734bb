from .append_partner import AppendPartner

__all__ = ['AppendPartner']
