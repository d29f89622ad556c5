"""jaxtyping's array shapes for the modules of the light install, without its cost at start-up.

Where jaxtyping is loaded already (the tests do it first, so that every call is checked) these are
its own; elsewhere `UInt8[np.ndarray, "h w 3"]` is `np.ndarray`: to import jaxtyping takes a good
part of the time in which `florascope identify` answers.
"""

import sys
from typing import TYPE_CHECKING, Any


class _Unchecked:
    def __getitem__(self, item: tuple[Any, str]) -> Any:  # noqa: ANN401
        """Return the array's type alone."""
        return item[0]


if TYPE_CHECKING or "jaxtyping" in sys.modules:
    from jaxtyping import Bool, Float, Float32, Float64, Int64, UInt8, UInt16, UInt32, UInt64
else:
    Bool = Float = Float32 = Float64 = Int64 = UInt8 = UInt16 = UInt32 = UInt64 = _Unchecked()

__all__ = ["Bool", "Float", "Float32", "Float64", "Int64", "UInt8", "UInt16", "UInt32", "UInt64"]
