"""Reads the config in a checkpoint as data."""

import ast
import io
import keyword
import tokenize
from typing import Any

MAX_LENGTH = 2**19  # characters; our configs have about 10,000
MAX_NESTING = 32
CONSTANTS = ('None', 'True', 'False')
MAX_DIGITS = 40
SIGNS = frozenset('()[]{}=,:-')


def read_plain_config(text: str) -> dict[str, Any]:
    """Reads the assignments in the ``pretty_text`` of a config without running it.

    MMEngine's checkpoints carry their config as Python source, into which anyone who passes a checkpoint on could write
    anything. A dumped config has only numbers, strings, lists, tuples and dicts, so only these are read. Our own
    checkpoints carry plain data and need this only if earlier versions wrote them.

    Raises:
        ValueError: if the text has anything else, or is too long.
    """
    if not isinstance(text, str):
        raise ValueError(f'The config is a {type(text).__name__}, not plain data.')
    if len(text) > MAX_LENGTH:
        raise ValueError(f'The config of {len(text)} characters is over {MAX_LENGTH}: plain data is never so long.')
    try:
        _check_tokens(text)
        statements = ast.parse(text).body
    except (IndentationError, MemoryError, RecursionError, SyntaxError, tokenize.TokenError) as error:
        raise ValueError(f'The config is not Python ({error}), so not plain data.') from None
    return {target.id: _value(statement.value) for statement in statements for target in _assigned(statement)}


def _check_tokens(text: str) -> None:
    """Raises a ValueError for tokens that plain data does not need, as deep nesting can crash Python's parser."""
    depth, before = 0, ''
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.OP:
            depth += (token.string in '([{') - (token.string in ')]}')
            # a minus may only be the sign of a number: chains of sums nest too
            if token.string not in SIGNS or depth > MAX_NESTING or (token.string == '-' and before not in '([{=,:'):
                raise ValueError(f'{token.string!r} in line {token.start[0]} is not plain data, or nested too deeply.')
        elif token.type == tokenize.NUMBER and len(token.string) > MAX_DIGITS:
            raise ValueError(f'{token.string[:20]}… in line {token.start[0]} is too long a number for plain data.')
        elif token.type == tokenize.NAME and keyword.iskeyword(token.string) and token.string not in CONSTANTS:
            raise ValueError(f'{token.line.strip()[:80]!r} is not plain data.')
        elif token.type == tokenize.STRING and 'f' in token.string[:2].lower().split(token.string[-1])[0]:
            raise ValueError(f'{token.string[:80]!r} is a formula, not plain data.')
        before = token.string if token.type == tokenize.OP else 'value'


def _assigned(statement: ast.stmt) -> list[ast.Name]:
    if isinstance(statement, ast.Assign) and all(isinstance(target, ast.Name) for target in statement.targets):
        return statement.targets
    raise ValueError(f'{ast.unparse(statement)[:80]!r} is not an assignment of plain data.')


def _value(node: ast.expr) -> Any:
    try:
        return _plain(node)
    except (TypeError, ValueError):  # an unhashable key, or anything but a literal
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
