"""The names of the array types that the arithmetic speaks in."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Evidence: TypeAlias = NDArray[np.float32]
Wealth: TypeAlias = NDArray[np.float32]
Means: TypeAlias = NDArray[np.float32]
Counts: TypeAlias = NDArray[np.int64]
Bools: TypeAlias = NDArray[np.bool_]
Indices: TypeAlias = NDArray[np.intp]
Signs: TypeAlias = NDArray[np.int8]
Bins: TypeAlias = NDArray[np.uint8]
