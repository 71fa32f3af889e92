"""Write the licences of everything inside an installed Corral, and its parts list.

    python packaging/notices.py OUT            of Corral as it is installed in this environment
    python packaging/notices.py FORM OUT       of the installed form in the folder FORM

OUT gets NOTICES.txt, which names every part with its licence, licences/PART/ with the texts, and
corral.cdx.json, a bill of materials (CycloneDX 1.6). Run it with the Python that built FORM. The
same parts give the same files.
"""

import argparse
import json
import shutil
import sys
import uuid
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[1])]

from installed_parts import NoLicence, Part, parts  # noqa: E402 - the folders have to be found first

from app import __version__  # noqa: E402

NOTICES, TEXTS, BILL = "NOTICES.txt", "licences", "corral.cdx.json"
HEADER = """\
Corral {version}

Corral is free software under the Apache License 2.0. It is installed together with the parts below,
each under its own licence. The texts, and what you may do with Qt, are in the folder “licences”;
corral.cdx.json lists the same parts for programs.

"""


def component(part: Part) -> dict[str, Any]:
    """A part as CycloneDX describes it."""
    is_expression = part.purl.partition("/")[0] != "pkg:deb"
    licence = {"expression": part.licence} if is_expression else {"license": {"name": part.licence}}
    described = {
        "type": part.kind,
        "bom-ref": part.purl or f"{part.name}@{part.version}",
        "name": part.name,
        "version": part.version,
        "licenses": [licence],
        "purl": part.purl,
    }
    return {key: value for key, value in described.items() if value}


def bill_of_materials(found: Sequence[Part]) -> dict[str, Any]:
    """The CycloneDX 1.6 document. Its serial number follows from what it lists."""
    own: dict[str, Any] = {
        "type": "application",
        "bom-ref": f"corral@{__version__}",
        "name": "corral",
        "version": __version__,
        "licenses": [{"expression": "Apache-2.0"}],
    }
    components = [component(part) for part in found]
    content = json.dumps([own, components], sort_keys=True)
    references = [each["bom-ref"] for each in components]
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, content)}",
        "version": 1,
        "metadata": {"component": own},
        "components": components,
        "dependencies": [{"ref": own["bom-ref"], "dependsOn": references}],
    }


def listing(found: Iterable[Part]) -> str:
    """What people read."""
    lines = [f"{part.name} {part.version}".rstrip() + f": {part.licence}\n" for part in found]
    return HEADER.format(version=__version__) + "".join(lines)


def copy_texts(part: Part, folder: Path) -> None:
    """Copy a part's texts; two of one name are numbered."""
    folder.mkdir(parents=True, exist_ok=True)
    for text in part.texts:
        name, number = text.name, 1
        while (folder / name).exists():
            number += 1
            name = f"{text.stem}-{number}{text.suffix}"
        shutil.copyfile(text, folder / name)


def write(form: Path | None, out: Path, *, strict: bool = False) -> int:
    """Write all three; answers how many parts there are. Raises NoLicence and OSError."""
    found = parts(form, strict=strict)
    out.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(out / TEXTS, ignore_errors=True)
    for part in found:
        copy_texts(part, out / TEXTS / part.name)
    (out / NOTICES).write_text(listing(found), encoding="utf-8")
    bill = json.dumps(bill_of_materials(found), indent=1) + "\n"
    (out / BILL).write_text(bill, encoding="utf-8")
    return len(found)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("form", type=Path, nargs="?", help="folder of the installed form")
    parser.add_argument("out", type=Path, help="folder to write into")
    parser.add_argument("--strict", action="store_true", help="stop at libraries of no package")
    options = parser.parse_args(sys.argv[1:] if arguments is None else arguments)
    try:
        number = write(options.form, options.out, strict=options.strict)
    except (NoLicence, OSError) as error:
        print(f"notices: {error}", file=sys.stderr)
        return 1
    print(f"{number} parts and their licences are listed in {options.out / NOTICES}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
