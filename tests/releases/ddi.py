"""A DDI-Codebook file against facts of its schema (ddi-codebook-2.5.json): the schema itself cannot be had from a package."""

import json
import re
from pathlib import Path
from xml.etree import ElementTree

NAMESPACE = "{ddi:codebook:2_5}"
LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"
LOCATION = "{http://www.w3.org/2001/XMLSchema-instance}schemaLocation"
FACTS = json.loads((Path(__file__).parent / "ddi-codebook-2.5.json").read_text(encoding="utf-8"))


def attributes_of(element: ElementTree.Element, path: str, allowed: dict, ids: set, references: list) -> list[str]:
    found = []
    missing = [name for name, kind in allowed.items() if kind.endswith("!") and name not in element.attrib]
    found += [f"{path} lacks {name}" for name in missing]
    for name, value in element.attrib.items():
        if name == LOCATION:
            continue
        kind = allowed.get("xml:lang" if name == LANGUAGE else name, "").rstrip("!")
        if kind == "":
            found.append(f"{path} may not have {name}")
        elif kind == "ID":
            found += [f"{path}: the ID {value} is there twice"] if value in ids else []
            ids.add(value)
        elif kind in ("IDREF", "IDREFS"):
            references += [(path, token) for token in value.split()]
        elif kind != "text" and value not in kind.split("|"):
            found.append(f"{path}: {name} is {value}, not one of {kind}")
    return found


def children_of(element: ElementTree.Element, path: str, holds: str) -> list[str]:
    names = [child.tag.removeprefix(NAMESPACE) for child in element]
    if holds == "text":
        return [f"{path} holds text, and has {name}" for name in names]
    # `titl subTitl* IDNo?` as an expression over names that each end in a space.
    order = "".join(f"(?:{name} ){times}" for name, times in re.findall(r"(\w+)([?*+]?)", holds))
    found = [] if re.fullmatch(order, "".join(f"{name} " for name in names)) else [f"{path} holds {names}, not {holds}"]
    if (element.text or "").strip():
        found.append(f"{path} has text of its own")
    return found


def problems(file: Path) -> list[str]:
    """What breaks the schema, as far as its facts are known."""
    root = ElementTree.parse(file).getroot()
    found, ids, references = [], set(), []

    def look(element: ElementTree.Element, above: str) -> None:
        name = element.tag.removeprefix(NAMESPACE)
        path = f"{above}/{name}"
        known = FACTS["elements"].get(name)
        if not element.tag.startswith(NAMESPACE) or known is None:
            found.append(f"{path} is not known")
            return
        allowed = FACTS["everywhere"] | known["attributes"]
        found.extend(attributes_of(element, path, allowed, ids, references))
        found.extend(children_of(element, path, known["holds"]))
        for child in element:
            look(child, path)

    look(root, "")
    if root.tag != f"{NAMESPACE}codeBook":
        found.append("the root is not codeBook")
    found += [f"{path} refers to {token}, which is no ID" for path, token in references if token not in ids]
    return found
