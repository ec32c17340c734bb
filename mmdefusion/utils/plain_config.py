"""Configs as data."""

import ast
from typing import Any


def read_plain_config(text: str) -> dict[str, Any]:
    """What a config's ``pretty_text`` assigns, read without running it.

    Checkpoints carry their config as Python source, and whoever passes a checkpoint on could have written anything
    there. Numbers, strings, lists, tuples and dicts are all that a dumped config is made of.

    Raises:
        ValueError: if there is anything else in it.
    """
    return {target.id: _value(statement.value) for statement in ast.parse(text).body for target in _assigned(statement)}


def _assigned(statement: ast.stmt) -> list[ast.Name]:
    if isinstance(statement, ast.Assign) and all(isinstance(target, ast.Name) for target in statement.targets):
        return statement.targets
    raise ValueError(f'{ast.unparse(statement)[:80]!r} is no assignment of plain data.')


def _value(node: ast.expr) -> Any:
    match node:
        case ast.Call(func=ast.Name(id='dict'), args=[] | [ast.Dict()]):
            items = {key: value for argument in node.args for key, value in _value(argument).items()}
            return items | {keyword.arg: _value(keyword.value) for keyword in node.keywords}
        case ast.Dict():
            return {_value(key): _value(value) for key, value in zip(node.keys, node.values, strict=True)}
        case ast.List():
            return [_value(item) for item in node.elts]
        case ast.Tuple():
            return tuple(_value(item) for item in node.elts)
    try:
        return ast.literal_eval(node)
    except ValueError:
        raise ValueError(f'{ast.unparse(node)[:80]!r} is not plain data.') from None
