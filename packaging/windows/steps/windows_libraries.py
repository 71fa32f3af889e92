"""The libraries that Windows 10 and 11 have; everything else has to be in the folder."""

from collections.abc import Iterator
from pathlib import Path

import pe_imports

WINDOWS = frozenset(
    f"{name}.dll"
    for name in (
        *("advapi32", "authz", "bcrypt", "bcryptprimitives", "cabinet", "combase", "comctl32"),
        *("comdlg32", "crypt32", "cryptsp", "d3d9", "d3d11", "d3d12", "dbghelp", "dnsapi"),
        *("dwmapi", "dwrite", "dxgi", "gdi32", "icuuc", "imm32", "iphlpapi", "kernel32", "mpr"),
        *("msi", "msvcrt", "ncrypt", "netapi32", "ntdll", "ole32", "oleaut32", "pdh"),
        *("powrprof", "propsys", "psapi", "rpcrt4", "secur32", "setupapi", "shell32", "shlwapi"),
        *("uiautomationcore", "user32", "userenv", "uxtheme", "version", "vulkan-1", "wevtapi"),
        *("winhttp", "winmm", "wintrust", "ws2_32", "wtsapi32", "ucrtbase", "setupapi", "cfgmgr32"),
    )
)
"""`vulkan-1` comes with the driver of the graphics card."""
API_SETS = ("api-ms-win-", "ext-ms-win-")
CODE = {".dll", ".exe", ".pyd"}


def missing(folder: Path) -> Iterator[str]:
    """A sentence for each library that is needed and neither in `folder` nor of Windows."""
    code = [path for path in sorted(folder.rglob("*")) if path.suffix.lower() in CODE]
    here = {path.name.lower() for path in code}
    for path in code:
        for name in sorted(pe_imports.imported_names(path) - here - WINDOWS):
            if not name.startswith(API_SETS):
                yield f"{path.relative_to(folder)} needs {name}, which is not there"
