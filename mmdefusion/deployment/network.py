"""Opens and runs an exported ONNX file."""

import os
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mmdefusion.utils import hub
from mmdefusion.utils.compat import missing_extra

from .metadata import Metadata, Task, parse_metadata
from .outputs import check_outputs

Provider = str | tuple[str, dict[str, Any]]
CLASSES = {'fuse': 'OnnxFuser', 'detect': 'OnnxDetector', 'segment': 'OnnxSegmenter'}


class OnnxNetwork:
    """An exported file in onnxruntime. Several threads may share one.

    Args:
        file: the ONNX file, or ``hf://owner/repo/file``; it is data, and nothing in it is run but standard operators.
        task: what the file must be for; None takes any.
        threads: threads of one run; None takes as many as there are cores.
        providers: onnxruntime's execution providers, names or (name, options); the first one that is there is used, and
            a warning says so if onnxruntime takes another in the end. None takes the CPU.

    Raises:
        FileNotFoundError: if there is no such file.
        ModuleNotFoundError: if onnxruntime is not installed.
        ValueError: if it is not an exported file, or one for another task.
    """

    def __init__(
        self,
        file: str | os.PathLike,
        task: Task | None = None,
        threads: int | None = None,
        providers: Sequence[Provider] | None = None,
    ) -> None:
        self.file = os.fspath(file)
        self.session = open_session(self.file, threads, providers)
        self.metadata: Metadata = parse_metadata(self.session.get_modelmeta().custom_metadata_map, self.file)
        if task not in (None, self.metadata.task):
            raise ValueError(
                f'{self.file} is for another task ({self.metadata.task}): open it with {CLASSES[self.metadata.task]}.'
            )
        if task and self.metadata.what != 'model':
            raise ValueError(f'{self.file} holds the features only: export it with --what model.')
        self.outputs = [output.name for output in self.session.get_outputs()]
        inputs = sorted(one.name for one in self.session.get_inputs())
        if inputs != ['infrared', 'visible']:
            raise ValueError(f'{self.file} has the inputs {inputs}, not visible and infrared: export it again.')
        self.one = self.session.get_inputs()[0].shape[:1] == [1]  # a file for one size takes one pair at a time

    def __call__(
        self, visible: np.ndarray, infrared: np.ndarray, outputs: Sequence[str] | None = None
    ) -> list[np.ndarray]:
        """Runs the network.

        Args:
            visible: N×3×H×W, RGB, 0 to 255.
            infrared: N×1×H×W or N×3×H×W, 0 to 255.
            outputs: names of outputs; only what they need is computed. None gives all.

        Raises:
            ValueError: if the images do not have the size of the file, onnxruntime refuses them, or gives what the
                file's task does not have.
        """
        if self.one and len(visible) > 1:
            return one_by_one(lambda image, other: self(image, other, outputs), visible, infrared)
        from onnxruntime import RunOptions

        check_size(self.metadata, *visible.shape[-2:], self.file)
        options = RunOptions()
        options.only_execute_path_to_fetches = outputs is not None
        feeds = dict(visible=self._pixels(visible), infrared=self._pixels(infrared))
        try:
            found = self.session.run(outputs, feeds, options)
        except Exception as error:  # onnxruntime raises a dozen classes of its own that share no parent
            why = ' '.join(str(error).split())[:300]
            raise ValueError(f'{self.file} cannot take images of {visible.shape} and {infrared.shape}: {why}') from None
        if self.metadata.what == 'model':
            check_outputs(found, visible.shape, self.metadata, self.file)
        return found

    def _pixels(self, images: np.ndarray) -> np.ndarray:
        """Images in the dtype of the file, rounded where that is uint8."""
        whole = self.metadata.pixels == 'uint8' and images.dtype.kind == 'f'
        return (np.rint(images) if whole else images).astype(self.metadata.pixels)


def read_metadata(file: str | os.PathLike) -> Metadata:
    """What an exported file says of itself; raises as :class:`OnnxNetwork` does."""
    return OnnxNetwork(file).metadata


def check_size(metadata: Metadata, height: int, width: int, file: str, name: str = 'these') -> None:
    """Raises a ValueError if a file takes no images of this size; ``name`` is what its message calls them."""
    if metadata.size and (height, width) != metadata.size:
        own_height, own_width = metadata.size
        raise ValueError(
            f'{file} takes images of {own_width}x{own_height}, {name} are {width}x{height}: resize them, or export '
            'without --size.'
        )


def one_by_one(
    run: Callable[[np.ndarray, np.ndarray], list[np.ndarray]], visible: np.ndarray, infrared: np.ndarray
) -> list[np.ndarray]:
    """Runs a network that takes one pair at a time on each pair of a batch, and joins its outputs."""
    found = [run(image[None], other[None]) for image, other in zip(visible, infrared, strict=True)]
    return [np.concatenate(column) for column in zip(*found, strict=True)]


def threads_of_environment() -> int:
    """The first number of OMP_NUM_THREADS, which may be a list with one for each level; 0, all cores, without one."""
    first = os.environ.get('OMP_NUM_THREADS', '').split(',')[0].strip()
    return int(first) if first.isascii() and first.isdecimal() and len(first) < 6 else 0


def open_session(file: str, threads: int | None, providers: Sequence[Provider] | None) -> Any:
    """An onnxruntime session of a file.

    Raises:
        FileNotFoundError, ModuleNotFoundError, ValueError: see :class:`OnnxNetwork`.
    """
    name, of_hub = file, hub.parse(file)
    if of_hub:
        file = os.fspath(hub.fetch(of_hub))
    if not Path(file).is_file():
        raise FileNotFoundError(f'{name} is not there: export a network with tools/deployment/export.py.')
    try:
        import onnxruntime
    except ModuleNotFoundError:
        raise ModuleNotFoundError(f'{missing_extra("deploy", "onnxruntime")}.', name='onnxruntime') from None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or threads_of_environment()
    options.log_severity_level = 3
    there = onnxruntime.get_available_providers()
    chosen = [one for one in providers or ('CPUExecutionProvider',) if name_of(one) in there]
    if not chosen:
        raise ValueError(f'None of the providers {list(providers)} is there: this onnxruntime has {there}.')
    try:
        session = onnxruntime.InferenceSession(file, options, providers=chosen)
    except Exception as error:  # onnxruntime raises a dozen classes of its own that share no parent
        why = ' '.join(str(error).split())[:200]
        raise ValueError(f'{name} is no ONNX file that onnxruntime can read ({why}): export it again.') from None
    wanted, (used, *_) = name_of(chosen[0]), session.get_providers()
    if used != wanted:
        warnings.warn(
            f'{name} runs on {used}, as onnxruntime could not start {wanted}: do its libraries (CUDA, cuDNN) fit this '
            f'onnxruntime {onnxruntime.__version__}?',
            stacklevel=2,
        )
    return session


def name_of(provider: Provider) -> str:
    return provider if isinstance(provider, str) else provider[0]
