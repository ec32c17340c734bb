"""Says what the constructor of a class takes."""

from inspect import Parameter, signature


def takes(kind: type, option: str) -> bool:
    """Whether a constructor has an option by that name, itself or in a base that gets what it does not know."""
    for one in kind.__mro__:
        parameters = signature(one.__init__).parameters
        if option in parameters:
            return True
        if all(parameter.kind is not Parameter.VAR_KEYWORD for parameter in parameters.values()):
            return False
    return False
