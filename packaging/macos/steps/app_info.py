"""What macOS is told of Corral.app: its Info.plist. Keys: Apple's “Information Property List”."""

from typing import Any

BUNDLE_ID = "org.corral.Corral"
MODEL_TYPE = "org.corral.gguf"
EXECUTABLE = "corral"
ICON = "Corral.icns"
OLDEST_SYSTEM = {"arm64": "14.0", "x86_64": "13.0"}
"""By processor, what the most demanding part needs: MLX, or Qt 6.11. packaging/lock.py locks wheels
for these."""


def info(version: str, machine: str) -> dict[str, Any]:
    """The content of Info.plist for a version such as “0.1.0”, and a processor."""
    return {
        "CFBundleIdentifier": BUNDLE_ID,
        "CFBundleName": "Corral",
        "CFBundleDisplayName": "Corral",
        "CFBundleExecutable": EXECUTABLE,
        "CFBundleIconFile": ICON,
        "CFBundlePackageType": "APPL",
        "CFBundleInfoDictionaryVersion": "6.0",
        "CFBundleDevelopmentRegion": "en",
        "CFBundleShortVersionString": version,
        "CFBundleVersion": version,
        "LSMinimumSystemVersion": OLDEST_SYSTEM[machine],
        "LSApplicationCategoryType": "public.app-category.productivity",
        "NSHighResolutionCapable": True,
        "NSSupportsAutomaticGraphicsSwitching": True,
        "NSHumanReadableCopyright": "Copyright 2026 The Corral developers. Apache License 2.0.",
        # Models in the local network: servers of the person's own.
        "NSLocalNetworkUsageDescription": (
            "Corral speaks to model servers in your network that you have added yourself."
        ),
        "NSAppTransportSecurity": {"NSAllowsLocalNetworking": True},
        "CFBundleURLTypes": [
            {
                "CFBundleURLName": f"{BUNDLE_ID}.link",
                "CFBundleURLSchemes": ["corral"],
                "CFBundleTypeRole": "Viewer",
            }
        ],
        "CFBundleDocumentTypes": [
            {
                "CFBundleTypeName": "Language model",
                "CFBundleTypeRole": "Viewer",
                # “Owner” is for types of a program's own, which are exported.
                "LSHandlerRank": "Alternate",
                "LSItemContentTypes": [MODEL_TYPE],
            }
        ],
        # GGUF has no type of its maker's; “imported” lets another program's declaration win.
        "UTImportedTypeDeclarations": [
            {
                "UTTypeIdentifier": MODEL_TYPE,
                "UTTypeDescription": "Language model",
                "UTTypeConformsTo": ["public.data"],
                "UTTypeTagSpecification": {"public.filename-extension": ["gguf"]},
            }
        ],
    }
