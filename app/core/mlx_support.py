"""Whether this computer runs MLX models."""

import os
import platform
import sys

MLX_VARIABLE = "CORRAL_MLX"
"""Environment variable: 1 offers MLX models also where they are not the custom, such as Linux
with the extra `mlx` installed; 0 offers them nowhere."""

WHY_NOT = "MLX models run on Macs with Apple silicon only."


def runs_mlx() -> bool:
    """True on Macs with Apple silicon, and wherever the environment says so."""
    wish = os.environ.get(MLX_VARIABLE, "")
    if wish in ("0", "1"):
        return wish == "1"
    return sys.platform == "darwin" and platform.machine() == "arm64"
