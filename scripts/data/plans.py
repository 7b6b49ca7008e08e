"""Writes crates/cxc-core/data/phone/shared.tsv: by which prefixes countries of a shared calling code are told.

Only the lesser countries are listed; all else is the first one's. Source: PyPI phonenumbers (Apache-2.0).
"""

import phonenumbers

from nanp import OUT
from shared_codes import countries_by_prefix


def main():
    main_codes = {str(code): regions[0] for code, regions in phonenumbers.COUNTRY_CODE_TO_REGION_CODE.items()}
    shared = [f"{p}\t{c}" for p, c in sorted(countries_by_prefix().items()) if main_codes.get(p) != c]
    OUT.with_name("shared.tsv").write_text("# E.164 prefix, country; written by scripts/data/plans.py\n" + "\n".join(shared) + "\n")
    print(len(shared), "prefixes of lesser countries")


if __name__ == "__main__":
    main()
