"""Writes crates/cxc-core/src/location/country_table.rs: ISO 3166-1 codes and English names.

Source: npm i18n-iso-countries (MIT), unpacked by fetch.py; see README.md.
"""

import json
import unicodedata
from pathlib import Path

from country_names import ALIASES, EXTRA_CODES

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / ".tmp/data/sources"
SOURCE = SOURCES / "i18n-iso-countries/package"
OUT = ROOT / "crates/cxc-core/src/location/country_table.rs"


def fold(name):
    """The form that names are compared in: ASCII letters and digits, lower case, no accents."""
    plain = unicodedata.normalize("NFKD", name)
    return "".join(c for c in plain.lower() if c.isascii() and c.isalnum())


def main():
    codes = {two: three for two, three, *_ in json.loads((SOURCE / "codes.json").read_text())}
    english = json.loads((SOURCE / "langs/en.json").read_text())["countries"]
    display, names = {}, {}
    for two, value in english.items():
        forms = value if isinstance(value, list) else [value]
        display[two] = forms[0]
        for form in forms:
            names[fold(form)] = two
    for two, three, name in EXTRA_CODES:
        codes[two], display[two] = three, name
        names.setdefault(fold(name), two)
    for two, forms in ALIASES.items():
        for form in forms:
            names[fold(form)] = two
    lines = [
        "//! Codes and names of countries. Written by scripts/data/countries.py; do not edit.",
        "",
        "/// Two-letter code, three-letter code, English name; sorted by the first.",
        "pub(super) static COUNTRIES: &[(&str, &str, &str)] = &[",
    ]
    lines += [f'    ("{two}", "{codes[two]}", "{display[two]}"),' for two in sorted(codes)]
    lines += ["];", "", "/// Folded name and two-letter code; sorted by the first.", "pub(super) static NAMES: &[(&str, &str)] = &["]
    lines += [f'    ("{name}", "{two}"),' for name, two in sorted(names.items()) if len(name) > 3 or name in SHORT]
    lines += ["];", ""]
    OUT.write_text("\n".join(lines))
    print(f"{len(codes)} countries, {len(names)} names")


SHORT = {"uk", "uae", "drc", "prc", "ksa"}

if __name__ == "__main__":
    main()
