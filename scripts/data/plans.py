"""Writes crates/cxc-core/data/phone/shared.tsv and area.tsv: what the parser needs beside the metadata.

shared.tsv: E.164 prefixes of the lesser countries of a shared calling code. area.tsv: countries whose numbers have area
codes, which the metadata tells by a national prefix. Source: PyPI phonenumbers (Apache-2.0).
"""

import phonenumbers
from phonenumbers import PhoneMetadata
from phonenumbers.phonenumberutil import _COUNTRIES_WITHOUT_NATIONAL_PREFIX_WITH_AREA_CODES as WITHOUT_PREFIX

from nanp import OUT
from shared_codes import countries_by_prefix


def main():
    main_codes = {str(code): regions[0] for code, regions in phonenumbers.COUNTRY_CODE_TO_REGION_CODE.items()}
    shared = [f"{p}\t{c}" for p, c in sorted(countries_by_prefix().items()) if main_codes.get(p) != c]
    OUT.with_name("shared.tsv").write_text("# E.164 prefix, country; written by scripts/data/plans.py\n" + "\n".join(shared) + "\n")
    area = []
    for region in sorted(phonenumbers.SUPPORTED_REGIONS):
        metadata = PhoneMetadata.metadata_for_region(region)
        if metadata.national_prefix is not None or metadata.country_code in WITHOUT_PREFIX:
            area.append(region)
    OUT.with_name("area.tsv").write_text("# country; written by scripts/data/plans.py\n" + "\n".join(area) + "\n")
    print(len(shared), "prefixes of lesser countries,", len(area), "countries with area codes")


if __name__ == "__main__":
    main()
