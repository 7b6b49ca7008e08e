"""Writes crates/cxc-core/data/phone/types.tsv and areas.tsv: the metadata's patterns of national numbers.

The parser compiles them to automata of its own: the library's regular expressions are right, but asking them for type
and area code of numbers of all countries costs 400 MB. Source: PyPI phonenumbers (Apache-2.0).
"""

import re

import phonenumbers
from phonenumbers import PhoneMetadata
from phonenumbers.phonenumberutil import _COUNTRIES_WITHOUT_NATIONAL_PREFIX_WITH_AREA_CODES as WITHOUT_PREFIX

from nanp import OUT

KINDS = {  # in the order in which they are tried
    "general": "general_desc", "premium": "premium_rate", "toll_free": "toll_free", "shared_cost": "shared_cost",
    "voip": "voip", "personal": "personal_number", "pager": "pager", "uan": "uan", "voicemail": "voicemail",
    "fixed": "fixed_line", "mobile": "mobile",
}


def type_rows():
    whole = {line.split("\t")[1] for line in OUT.read_text().splitlines() if line.endswith(("geo", "tollfree", "premium"))}
    for region in sorted(phonenumbers.SUPPORTED_REGIONS):
        if region in whole and region not in ("DO", "JM", "VC"):
            metadata = PhoneMetadata.metadata_for_region(region)
            if metadata.country_code == 1:
                continue  # the area code tells
        metadata = PhoneMetadata.metadata_for_region(region)
        for kind, name in KINDS.items():
            desc = getattr(metadata, name)
            if desc is None or not desc.national_number_pattern or -1 in desc.possible_length:
                continue
            lengths = desc.possible_length or metadata.general_desc.possible_length
            yield "\t".join([region, kind, ",".join(map(str, lengths)), desc.national_number_pattern])


def area_rows():
    """Country, lengths of the national number, digits of its first group, leading digits; the first row that fits counts.

    A zero before the digits: only for numbers that begin with a zero.
    """
    for region in sorted(phonenumbers.SUPPORTED_REGIONS):
        metadata = PhoneMetadata.metadata_for_region(region)
        if metadata.country_code == 1:
            continue
        main = phonenumbers.region_code_for_country_code(metadata.country_code)
        if main != region:
            continue
        # Without a national prefix only numbers that begin with a zero have area codes, as in Italy.
        zero = "" if metadata.national_prefix or metadata.country_code in WITHOUT_PREFIX else "0"
        for form in metadata.intl_number_format or metadata.number_format:
            if form.format == "NA":
                continue
            groups = re.findall(r"\(((?:[^()]|\(\?:[^()]*\))*)\)", form.pattern)
            order = [int(n) - 1 for n in re.findall(r"\$(\d)|\\(\d)", form.format) for n in n if n]
            shortest, longest = span(form.pattern.replace("(?:", "(").replace("(", "(?:"))
            first = span(groups[order[0]])
            area = first[0] if len(order) > 1 and first[0] == first[1] else 0
            leading = form.leading_digits_pattern[-1] if form.leading_digits_pattern else literal(form.pattern)
            if metadata.country_code == 54 and len(order) > 2 and longest == 11 and first == (1, 1):
                area = 1 + span(groups[order[1]])[0]
            yield "\t".join([region, f"{shortest}-{longest}", zero + str(area), leading])


def literal(pattern):
    """What a pattern demands of the first digit, if anything."""
    match = re.match(r"\((\d|\[[-0-9]+\])", pattern)
    return match[1] if match else ""


def span(pattern):
    parsed = re.compile(pattern)
    low, high = re._parser.parse(pattern).getwidth()
    assert parsed and high < 30, pattern
    return low, high


def main():
    types, areas = list(type_rows()), list(area_rows())
    OUT.with_name("types.tsv").write_text(
        "# country, kind, lengths, pattern; written by scripts/data/patterns.py\n" + "\n".join(types) + "\n")
    OUT.with_name("areas.tsv").write_text(
        "# country, lengths, digits of the area code, leading digits; written by scripts/data/patterns.py\n" + "\n".join(areas) + "\n")
    print(len(types), "patterns of types,", len(areas), "of area codes")


if __name__ == "__main__":
    main()
