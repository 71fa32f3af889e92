"""LM Studio's own package: it tells at once that this is not its program. ADDRESS MODEL."""

import importlib
import sys
from typing import Any

package: Any = importlib.import_module("lmstudio")
assert not package.Client.is_valid_api_host(sys.argv[1].removeprefix("http://"))
print("all is well")
