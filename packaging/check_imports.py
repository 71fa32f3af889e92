"""Import rules that import-linter cannot say: single names and the standard library.

- `huggingface_hub` only in the hub client and the transfer child
- in the window, `threading` only in the worker and message boxes only in `notify`
- pages never import pages
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HUB_MODULES = ("app/core/hub", "app/core/transfer")
MESSAGE_BOXES = {"QMessageBox", "QErrorMessage"}


def imports(tree: ast.AST) -> Iterator[tuple[int, str, str]]:
    """Line, module and imported name of every import in a file."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.lineno, node.module or "", alias.name) for alias in node.names)


def is_page(module: str) -> bool:
    return module.startswith("app.gui.") and module.endswith("_page")


def complaint(path: str, module: str, name: str) -> str | None:
    """What is wrong with this import in the file `path`, if anything."""
    top = module.partition(".")[0]
    if top == "huggingface_hub" and not path.startswith(HUB_MODULES):
        return "huggingface_hub outside the hub client and the transfer child"
    if not path.startswith("app/gui/"):
        return None
    stem = Path(path).stem
    if top in ("threading", "concurrent", "multiprocessing") and stem != "worker":
        return f"{top} in the window outside its worker"
    if name in MESSAGE_BOXES and stem != "notify":
        return f"{name} outside notify"
    if stem.endswith("_page") and (is_page(module) or is_page(f"{module}.{name}")):
        return "a page imports a page"
    return None


def main() -> int:
    found = 0
    for folder in ("app", "backends"):
        for file in sorted((ROOT / folder).rglob("*.py")):
            path = file.relative_to(ROOT).as_posix()
            for line, module, name in imports(ast.parse(file.read_text(encoding="utf-8"))):
                if text := complaint(path, module, name):
                    print(f"{path}:{line}: {text}")
                    found += 1
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
