"""ONNX Runtime as every part of florascope opens it: on the CPU, without its advice on stderr."""

from typing import Any

import onnxruntime as ort


def quiet_options(threads: int = 0, *, spinning: bool = True) -> Any:  # noqa: ANN401 (it has no types)
    """Return a session's options.

    Args:
        threads: of each pass; 0 takes all cores.
        spinning: whether idle threads look for work busily, which costs single answers more than it
            gains.
    """
    options = ort.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = threads
    if not spinning:
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options


def open_session(graph: str | bytes, options: Any = None) -> Any:  # noqa: ANN401 (it has no types)
    """Open a graph, by its path or its bytes.

    Raises:
        Exception: one of the many kinds of ONNX Runtime, which name none of their own.
    """
    return ort.InferenceSession(
        graph, options or quiet_options(), providers=["CPUExecutionProvider"]
    )
