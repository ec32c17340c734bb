"""The command ``mmdefusion``: one door to the tools that people use most.

Nothing that takes time is imported here, and the tools import torch once they run, so ``--help`` and completion are
quick. Exit status: 0 if all is done, 1 if something failed (with one line that says what), 2 for a wrong call, 130
after Ctrl-C.
"""

import ast
import os
import sys
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

from .utils.names import shown
from .utils.options import interrupted_in_a_line
from .version import __version__

# name: (a script below tools/, or a module with main(); what it does)
COMMANDS = {
    'fuse': ('fuse.py', 'fuse images, folders or videos'),
    'infer': ('infer.py', 'detect or segment in pairs, and draw it'),
    'eval': ('eval_fusion.py', 'score fused images as the literature does'),
    'train': ('train.py', 'train the model of a config'),
    'test': ('test.py', 'test a checkpoint, also with a sensor missing'),
    'benchmark': ('benchmark.py', 'train and compare many models on one data set'),
    'check': ('dataset_converters/check_dataset.py', 'check the data sets of a config'),
    'browse': ('analysis_tools/browse_dataset.py', 'show what a config trains on'),
    'scenes': ('dataset_converters/generate_scenes.py', 'write generated pairs with boxes and masks'),
    'export': ('deployment/export.py', 'write a network as an ONNX file'),
    'web': ('mmdefusion.web.__main__', 'fuse, detect and compare in a browser'),
}
USAGE = 'usage: mmdefusion [-h | --version] COMMAND ...'
COMPLETION = """\
_mmdefusion() {
  local word=${COMP_WORDS[COMP_CWORD]}
  if [ "$COMP_CWORD" = 1 ]; then COMPREPLY=($(compgen -W "$(mmdefusion --complete)" -- "$word")); return; fi
  case $word in
    -*) COMPREPLY=($(compgen -W "$(mmdefusion --complete "${COMP_WORDS[1]}")" -- "$word")) ;;
  esac
}
complete -o default -F _mmdefusion mmdefusion
"""


@interrupted_in_a_line()
def main() -> None:
    """Runs a command with the rest of the line."""
    try:
        try:
            dispatch(sys.argv[1:])
        except SystemExit:  # as tools and --help end
            sys.stdout.flush()
            raise
        sys.stdout.flush()
    except BrokenPipeError:  # the reader of a pipe went away, as head does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(1) from None


def dispatch(arguments: list[str]) -> None:
    """Answers a question about the command itself, or runs a tool.

    Raises:
        SystemExit: with status 2 for a wrong call, or as the tool ends.
    """
    name, *rest = arguments or ['']
    if name in ('', '-h', '--help'):
        print(describe(), file=sys.stdout if name else sys.stderr)
        if not name:
            raise SystemExit(2)
    elif name == '--version':
        print(f'mmdefusion {__version__}')
    elif name == '--completion':
        print(COMPLETION, end='')
    elif name == '--complete':
        print(*(options(rest[0]) if rest else COMMANDS))
    elif name not in COMMANDS:
        print(f'{USAGE}\nmmdefusion: there is no command {name!r}: use one of {", ".join(COMMANDS)}.', file=sys.stderr)
        raise SystemExit(2)
    else:
        run(name, rest)


def describe() -> str:
    """What ``--help`` prints."""
    width = max(map(len, COMMANDS))
    lines = [f'  {name:{width}}  {text}' for name, (_, text) in COMMANDS.items()]
    return '\n'.join(
        [
            USAGE,
            '',
            *lines,
            '',
            'mmdefusion COMMAND --help says more. Tab completion for bash: eval "$(mmdefusion --completion)"',
        ]
    )


def run(name: str, arguments: list[str]) -> None:
    """Runs the tool of a command, as if it were called by its own name.

    Raises:
        SystemExit: as the tool ends.
    """
    place, _ = COMMANDS[name]
    sys.argv = [f'mmdefusion {name}', *arguments]
    try:
        tool = open_tool(place)
        tool.__doc__ = (tool.__doc__ or '').replace(f'python tools/{place}', f'mmdefusion {name}')  # --help shows it
        raise SystemExit(tool.main())
    except ModuleNotFoundError as error:
        missing = (error.name or '').split('.')[0]
        if missing in ('', 'mmdefusion'):
            raise
        if not str(error).startswith('No module named'):  # it is ours, and says what to do
            raise SystemExit(shown(error)) from None
        raise SystemExit(
            f'mmdefusion {name} needs {missing}, which is not installed: docs/install.md says what installs it.'
        ) from None


def open_tool(place: str) -> ModuleType:
    """Imports a script below ``tools/``, or a module of a package."""
    if not place.endswith('.py'):
        return import_module(place)
    spec = spec_from_file_location(Path(place).stem, tools_folder() / place)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def tools_folder() -> Path:
    """The tools of an installed package, or those of the checkout.

    Raises:
        SystemExit: if neither is there.
    """
    package = Path(__file__).resolve().parent
    for folder in (package / '.mim' / 'tools', package.parent / 'tools'):
        if (folder / 'fuse.py').is_file():
            return folder
    raise SystemExit(f'The tools are neither in {package}/.mim nor beside it: install mmdefusion again.')


def options(name: str) -> list[str]:
    """The options of a command, read off its source: completion must not wait for imports."""
    if name not in COMMANDS:
        return ['--help']
    place, _ = COMMANDS[name]
    is_script = place.endswith('.py')
    file = tools_folder() / place if is_script else Path(__file__).parents[1] / f'{place.replace(".", "/")}.py'
    tree = ast.parse(file.read_text(encoding='utf-8'))
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute))
    named = (call.args for call in calls if call.func.attr == 'add_argument')
    flags = {one.value for args in named for one in args if isinstance(one, ast.Constant)}
    return sorted({'--help', *(flag for flag in flags if str(flag).startswith('--'))})
