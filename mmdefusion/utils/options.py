"""Options of commands, without imports that ``--help`` would wait for."""

import argparse
from collections.abc import Sequence
from typing import Any


class Settings(argparse.Action):
    """MMEngine's DictAction (``key.sub=value``), which is imported when the option is given."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        from mmengine.config import DictAction

        DictAction(self.option_strings, self.dest, nargs=self.nargs)(parser, namespace, values, option_string)
