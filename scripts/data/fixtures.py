"""Writes the fixtures of crates/cxc-core/tests/location_*.rs: what Python phonenumbers says of numbers.

examples.tsv: every example number of the metadata. samples.tsv: random valid numbers of ten countries. Both are
deterministic. Columns: E.164, country, type, length of the area code, national form, zones' names.
"""

import random

import phonenumbers as p
from phonenumbers import PhoneNumberFormat, PhoneNumberType as T
from phonenumbers.timezone import time_zones_for_number

from places import ROOT

OUT = ROOT / "crates/cxc-core/tests/fixtures"
SAMPLED = "US CA GB AU NZ DE FR IN BR JP".split()
PER_COUNTRY = 300
TYPES = {
    T.FIXED_LINE: "fixed", T.MOBILE: "mobile", T.FIXED_LINE_OR_MOBILE: "fixed_or_mobile", T.TOLL_FREE: "toll_free",
    T.PREMIUM_RATE: "premium", T.SHARED_COST: "shared_cost", T.VOIP: "voip", T.PERSONAL_NUMBER: "other", T.PAGER: "other",
    T.UAN: "other", T.VOICEMAIL: "other",
}


def too_long(number):
    """The metadata takes some numbers of over 15 digits, which E.164 has not."""
    return len(p.format_number(number, PhoneNumberFormat.E164)) > 16


def row(number):
    return "\t".join([
        p.format_number(number, PhoneNumberFormat.E164), p.region_code_for_number(number), TYPES[p.number_type(number)],
        str(p.length_of_geographical_area_code(number)), p.format_number(number, PhoneNumberFormat.NATIONAL),
        ",".join(time_zones_for_number(number))])


def examples():
    for region in sorted(p.SUPPORTED_REGIONS):
        seen = set()
        for kind in TYPES:
            number = p.example_number_for_type(region, kind)
            if number is None or (number.country_code == 1 and number.national_number < 2_000_000_000):
                continue  # seven digits are dialled within one country only
            if not too_long(number) and p.is_valid_number(number) and p.region_code_for_number(number) == region:
                text = row(number)
                if text not in seen:
                    seen.add(text)
                    yield text


def samples():
    chance = random.Random(20261122)
    for region in SAMPLED:
        code = p.country_code_for_region(region)
        found = 0
        while found < PER_COUNTRY:
            length = chance.choice(p.PhoneMetadata.metadata_for_region(region).general_desc.possible_length)
            digits = "".join(chance.choice("0123456789") for _ in range(length))
            if digits[0] == "0" or (code == 1 and length != 10):
                continue
            number = p.PhoneNumber(code, int(digits))
            if not too_long(number) and p.is_valid_number_for_region(number, region) and p.region_code_for_number(number) == region:
                found += 1
                yield row(number)


def write(name, rows):
    rows = list(rows)
    OUT.mkdir(parents=True, exist_ok=True)
    header = "# number, country, type, digits of the area code, national form, zones; written by scripts/data/fixtures.py\n"
    (OUT / name).write_text(header + "\n".join(rows) + "\n")
    print(f"{name}: {len(rows)} rows")


if __name__ == "__main__":
    write("location_examples.tsv", examples())
    write("location_samples.tsv", samples())
