"""Writes crates/cxc-core/data/phone/nanp.tsv: area codes of +1 in use, their country and line type.

Source: PyPI phonenumbers (Apache-2.0). An area code is in use if the metadata takes any number of it.
"""

from pathlib import Path

import phonenumbers
from phonenumbers import PhoneNumber, PhoneNumberType as T

ROOT = Path(__file__).resolve().parents[2]
OUT = ROOT / "crates/cxc-core/data/phone/nanp.tsv"
KINDS = {
    T.FIXED_LINE: "geo", T.MOBILE: "mobile", T.FIXED_LINE_OR_MOBILE: "geo", T.TOLL_FREE: "tollfree",
    T.PREMIUM_RATE: "premium", T.PERSONAL_NUMBER: "personal", T.VOIP: "voip",
}


def area_codes():
    """Yields (area code, country, kind); kind is `ask` where exchanges differ and the metadata must be asked."""
    for code in range(200, 1000):
        seen = set()
        for exchange in range(200, 1000, 3):
            number = PhoneNumber(country_code=1, national_number=code * 10_000_000 + exchange * 10_000 + 1234)
            kind = phonenumbers.number_type(number)
            if kind in KINDS:
                seen.add((phonenumbers.region_code_for_number(number), KINDS[kind]))
        if seen:
            country, kind = next(iter(seen))
            assert len({country for country, _ in seen}) == 1, (code, seen)
            yield code, country, kind if len(seen) == 1 else "ask"


def main():
    rows = [f"{code}\t{country}\t{kind}" for code, country, kind in area_codes()]
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text("# area code, country, kind; written by scripts/data/nanp.py\n" + "\n".join(rows) + "\n")
    print(len(rows), "area codes")


if __name__ == "__main__":
    main()
