"""Arrays by what they hold -> the names that signatures use."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Ints: TypeAlias = NDArray[np.int64]
Counts: TypeAlias = NDArray[np.integer]
Evidence: TypeAlias = NDArray[np.float32]
