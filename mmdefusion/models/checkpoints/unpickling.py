"""Follows a pickle without making what it describes, to know what unpickling it would cost.

A dict hashes its keys, and Python hashes a tuple by a function in C that calls itself for each tuple within: 300,000 of
them in each other overflow the stack and end the process, and sixty that hold the one before twice have 2⁶⁰ members.
Numbers and tuples can be chosen so that their hashes are equal, and each is compared with all others then. What is
written once can be copied a million times, and a tensor of one stored number has a trillion elements to iterate over.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from .errors import CheckpointError

MAX_DEPTH = 32  # of tuples in each other, as of all data
MAX_COST = 2**21  # values that calls are given, tuples with all that they hold; as many as a pickle may have steps
MAX_COMPARED = 2**25  # values in the comparisons of keys whose hashes can be made equal: a second, or 4,700 pairs
MAX_IDENTITY = 16  # values in what names a storage; torch.save writes five, before 1.6 up to nine
MAX_BITS = 63  # of a number: few of these have one hash
TEXT = 64  # characters of a string that take no longer to compare than a number
COLLECTIONS = {'collections OrderedDict', 'collections Counter', 'builtins set', '__builtin__ set'}
SIZE = 'torch Size'
REBUILD = 'torch._utils _rebuild_'
LEAVES = {'NONE', 'NEWTRUE', 'NEWFALSE', 'BININT', 'BININT1', 'BININT2', 'BINFLOAT', 'SHORT_BINSTRING'}
EMPTY = {'EMPTY_LIST', 'EMPTY_DICT', 'EMPTY_SET'}
PLAIN, LONG, TENSOR, FOREIGN = 'plain', 'long', 'tensor', 'foreign'  # FOREIGN is of a class that the user allowed


class Tuple(NamedTuple):
    """A tuple of a pickle."""

    items: list
    size: int  # with everything in its tuples
    weight: int  # likewise, with long strings for many values, as comparing them takes longer
    depth: int


class Text(NamedTuple):
    """A string of a pickle."""

    weight: int


class Name(NamedTuple):
    """Something that a pickle calls."""

    text: str


class Collection(list):
    """A list, or the keys of a dict or set."""

    alike = 0  # of the keys, those whose hashes can be made equal


class Unpickling:
    """What torch's unpickler has on its stack, without the values.

    Args:
        name: name of the file in error messages.
        known: the names that torch itself knows; others are the user's, and trusted.
    """

    def __init__(self, name: str, known: set[str]) -> None:
        self.name, self.known = name, known
        self.stack: list[Any] = []
        self.below: list[list[Any]] = []  # the stacks before each mark
        self.memo: dict[int, Any] = {}
        self.cost = self.compared = 0
        self.others = Collection()  # the keys of all that is no collection here, such as of a user's class

    def step(self, opcode: str, argument: Any) -> None:
        """Follows one opcode.

        Raises:
            CheckpointError: if the pickle costs more than its length, or has an opcode that torch does not know.
            LookupError: if it takes from the stack or the memo what is not there.
        """
        if opcode in LEAVES:
            self.stack.append(PLAIN)
        elif opcode in EMPTY:
            self.stack.append(Collection())
        elif (follow := STEPS.get(opcode)) is None:
            self._refuse(f'has the opcode {opcode}')
        else:
            follow(self, argument)

    def _put(self, place: int) -> None:
        self.memo[place] = self.stack[-1]

    def _get(self, place: int) -> None:
        self.stack.append(self.memo[place])

    def _mark(self, _: None) -> None:
        self.below.append(self.stack)
        self.stack = []

    def _marked(self) -> list:
        items, self.stack = self.stack, self.below.pop()
        return items

    def _take(self, count: int) -> list:
        return [self.stack.pop() for _ in range(count)][::-1]

    def _push_tuple(self, items: list) -> None:
        self.stack.append(self._tuple(items))

    def _push_text(self, text: str) -> None:
        self.stack.append(Text(1 + len(text) // TEXT))

    def _push_long(self, number: int) -> None:
        self.stack.append(PLAIN if number.bit_length() <= MAX_BITS else LONG)

    def _tuple(self, items: list) -> Tuple:
        inner = [item for item in items if isinstance(item, Tuple)]
        made = Tuple(
            items,
            1 + len(items) - len(inner) + sum(item.size for item in inner),
            1 + sum(item.weight if isinstance(item, Tuple | Text) else 1 for item in items),
            1 + max((item.depth for item in inner), default=0),
        )
        if made.depth > MAX_DEPTH:
            self._refuse(f'has tuples of more than {MAX_DEPTH} levels')
        if made.size > MAX_COST:
            self._refuse(f'has a tuple of more than {MAX_COST} values')
        return made

    def _add(self, items: list) -> None:
        if isinstance(self.stack[-1], list):
            self.stack[-1].extend(items)
        elif self.stack[-1] is not FOREIGN:
            self._refuse('puts items into what is no list or dict')

    def _hash(self, keys: list, into: Collection) -> list:
        """Counts the comparisons with keys of the same collection, all of whose hashes may be equal."""
        for key in keys:
            if key is LONG or isinstance(key, Tuple):
                into.alike += 1
                self.compared += into.alike * (key.weight if isinstance(key, Tuple) else 1)
                if self.compared > MAX_COMPARED:
                    self._refuse(
                        'has too many tuples or long numbers as keys of dicts or in sets',
                        'in a file of your own, keep them as strings or in lists; take another',
                    )
        return keys

    def _set(self, keys: list) -> None:
        """Adds keys to the dict on top of the stack."""
        target = self.stack[-1]
        self._add(self._hash(keys, target if isinstance(target, Collection) else self.others))

    def _call(self) -> Any:
        called, arguments = self._take(2)
        if not isinstance(arguments, Tuple) or not isinstance(called, Name):
            self._refuse('has a call of another form')
        self._spend(arguments.size)
        if called.text in COLLECTIONS:
            made = Collection()
            for argument in arguments.items:
                made.extend(self._keys(argument, made))
            return made
        if called.text == SIZE:
            return self._tuple([number for argument in arguments.items for number in self._spread(argument)])
        if called.text.startswith(REBUILD):
            return TENSOR
        return PLAIN if called.text in self.known else FOREIGN

    def _build(self, _: None) -> None:
        """Follows attributes of a collection, which become keys, or a storage, which goes into a tensor."""
        state, target = self.stack.pop(), self.stack[-1]
        if target is TENSOR and isinstance(state, Tuple):
            self._spend(state.size)
        elif target is not FOREIGN:
            self._keys(state, target if isinstance(target, Collection) else self.others)

    def _identify(self, _: None) -> None:
        """Follows what names a storage, of which torch hashes some."""
        identity = self.stack.pop()
        if not isinstance(identity, Tuple) or identity.size > MAX_IDENTITY:
            self._refuse('names a storage in another form')
        self._hash([part for part in identity.items if part is LONG], self.others)
        self.stack.append(TENSOR)

    def _keys(self, given: Any, into: Collection) -> list:
        """What a collection would hash if it were made of this; pairs of a list are keys and values."""
        keys = []
        for item in self._hash(self._spread(given), into):
            if item is TENSOR:
                self._refuse('makes a collection of tensors')
            keys += self._hash(self._spread(item), into) if isinstance(item, Tuple | list) else [item]
        return keys

    def _spread(self, given: Any) -> list:
        """The items of a list or tuple that is iterated over."""
        if not isinstance(given, Tuple | list):
            self._refuse('makes a collection of what is none')
        items = given.items if isinstance(given, Tuple) else given
        self._spend(len(items))
        return items

    def _spend(self, values: int) -> None:
        self.cost += 1 + values
        if self.cost > MAX_COST:
            self._refuse(f'gives its calls more than {MAX_COST} values')

    def _refuse(self, what: str, remedy: str = 'take the file') -> None:
        raise CheckpointError(
            f'{self.name}: its pickle {what}, which no training saves: {remedy} from where it was published.'
        )


STEPS: dict[str, Callable[[Unpickling, Any], None]] = {
    'PROTO': lambda self, _: None,
    'STOP': lambda self, _: None,
    'BINPUT': Unpickling._put,
    'LONG_BINPUT': Unpickling._put,
    'BINGET': Unpickling._get,
    'LONG_BINGET': Unpickling._get,
    'MARK': Unpickling._mark,
    'EMPTY_TUPLE': lambda self, _: self._push_tuple([]),
    'TUPLE': lambda self, _: self._push_tuple(self._marked()),
    'TUPLE1': lambda self, _: self._push_tuple(self._take(1)),
    'TUPLE2': lambda self, _: self._push_tuple(self._take(2)),
    'TUPLE3': lambda self, _: self._push_tuple(self._take(3)),
    'BINUNICODE': Unpickling._push_text,
    'LONG1': Unpickling._push_long,
    'GLOBAL': lambda self, name: self.stack.append(Name(name)),
    'APPEND': lambda self, _: self._add(self._take(1)),
    'APPENDS': lambda self, _: self._add(self._marked()),
    'SETITEM': lambda self, _: self._set(self._take(2)[:1]),
    'SETITEMS': lambda self, _: self._set(self._marked()[::2]),
    'REDUCE': lambda self, _: self.stack.append(self._call()),
    'NEWOBJ': lambda self, _: self.stack.append(self._call()),
    'BUILD': Unpickling._build,
    'BINPERSID': Unpickling._identify,
}
