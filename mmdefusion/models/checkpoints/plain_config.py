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
    try:
        statements = ast.parse(text).body
    except SyntaxError as error:
        raise ValueError(f'The config is no Python ({error}), so no plain data.') from None
    return {target.id: _value(statement.value) for statement in statements for target in _assigned(statement)}


def _assigned(statement: ast.stmt) -> list[ast.Name]:
    if isinstance(statement, ast.Assign) and all(isinstance(target, ast.Name) for target in statement.targets):
        return statement.targets
    raise ValueError(f'{ast.unparse(statement)[:80]!r} is no assignment of plain data.')


def _value(node: ast.expr) -> Any:
    try:
        return _plain(node)
    except (TypeError, ValueError):  # an unhashable key, or anything that is no literal
        raise ValueError(f'{ast.unparse(node)[:80]!r} is not plain data.') from None


def _plain(node: ast.expr) -> Any:
    match node:
        case ast.Call(func=ast.Name(id='dict'), args=[] | [ast.Dict()]) if all(key.arg for key in node.keywords):
            items = {key: value for argument in node.args for key, value in _value(argument).items()}
            return items | {keyword.arg: _value(keyword.value) for keyword in node.keywords}
        case ast.Dict():
            return {_value(key): _value(value) for key, value in zip(node.keys, node.values, strict=True)}
        case ast.List():
            return [_value(item) for item in node.elts]
        case ast.Tuple():
            return tuple(_value(item) for item in node.elts)
    return ast.literal_eval(node)
