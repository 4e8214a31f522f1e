"""A change model in an ONNX file: digest first, then one session on the CPU, one thread a call.

The only module that knows onnxruntime, which is an extra and imported when a model is opened.
"""

import importlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from changedetect.errors import IntegrityError, ModelError, ResourceError
from changedetect.io.digest import sha256_file

_IMAGE, _BOTH = 1, 2


@dataclass(frozen=True, slots=True)
class OnnxModel:
    """An opened model.

    Attributes
    ----------
    path
        For messages.
    """

    path: Path
    _session: Any = field(repr=False)

    def run(self, before: np.ndarray, after: np.ndarray, channel: int) -> np.ndarray:
        """Run the model on one block.

        Parameters
        ----------
        before, after
            ``(band, y, x)`` float32, scaled; given as two inputs ``(1, band, y, x)``, or one after
            the other in one input ``(1, 2 x band, y, x)``, whichever the model asks for.
        channel
            Channel of the first output, ``(1, channel, y, x)`` or ``(1, y, x)``.

        Returns
        -------
        ndarray
            ``(y, x)`` float32.

        Raises
        ------
        ModelError
            The model does not take these images, or gives something else.
        """
        names = [one.name for one in self._session.get_inputs()]
        if len(names) == _IMAGE:
            feeds = {names[0]: np.concatenate([before, after])[None]}
        elif len(names) == _BOTH:
            feeds = {names[0]: before[None], names[1]: after[None]}
        else:
            msg = f"{self.path}: {len(names)} inputs found; one or two images were expected"
            raise ModelError(msg)
        try:
            output = np.asarray(self._session.run(None, feeds)[0])
        except Exception as error:
            msg = f"{self.path}: can not be run on images of {before.shape} ({error})"
            raise ModelError(msg) from error
        maps = output.reshape(-1, *output.shape[-2:])
        if maps.shape[1:] != before.shape[1:] or channel >= len(maps):
            msg = (
                f"{self.path}: output {output.shape} found for images of {before.shape}; "
                f"(1, at least {channel + 1}, {before.shape[1]}, {before.shape[2]}) was expected"
            )
            raise ModelError(msg)
        return np.asarray(maps[channel], np.float32)


def open_model(path: Path, sha256: str) -> OnnxModel:
    """Open a model after its digest was compared.

    Raises
    ------
    ModelError
        There is no such file, or onnxruntime can not read it.
    IntegrityError
        It is another file than the one that was named.
    ResourceError
        onnxruntime is not installed.
    """
    if not path.is_file():
        msg = f"{path}: no such model; correct model.file of the job"
        raise ModelError(msg)
    found = sha256_file(path)
    if found != sha256:
        msg = f"{path}: sha256 {found} found, {sha256} expected; the job names another model"
        raise IntegrityError(msg)
    runtime = _runtime()
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    try:
        session = runtime.InferenceSession(
            path.read_bytes(), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:
        msg = f"{path}: onnxruntime can not read it ({error})"
        raise ModelError(msg) from error
    return OnnxModel(path, session)


def _runtime() -> Any:  # noqa: ANN401 - a module that may not be there
    try:
        return importlib.import_module("onnxruntime")
    except ImportError as error:
        msg = 'a model is named and onnxruntime is not installed; pip install "changedetect[onnx]"'
        raise ResourceError(msg) from error
