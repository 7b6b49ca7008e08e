"""Countries that share a calling code: by which leading digits they are told apart.

Reads the patterns of phonenumbers' metadata for the lesser countries of a shared code (Guernsey, Kazakhstan ...).
"""

import random

try:
    from re import _constants as constants, _parser as parser
except ImportError:
    import sre_constants as constants
    import sre_parse as parser

import phonenumbers
from phonenumbers import PhoneMetadata, PhoneNumber

KINDS = "fixed_line mobile toll_free premium_rate shared_cost personal_number voip pager uan voicemail".split()
MAX_DEPTH = 9


def expand(tokens):
    """Every digit prefix of a pattern up to its first open digit, as (prefix, whether it may go on)."""
    results = [("", True)]
    for op, argument in tokens:
        if not any(going for _, going in results):
            break
        step = choices(op, argument)
        results = [(p, False) for p, going in results if not going] + [
            (p + s, on and len(p + s) < MAX_DEPTH) for p, going in results if going for s, on in step]
        results = list(dict.fromkeys(results))
    return results


def choices(op, argument):
    if op is constants.LITERAL:
        return [(chr(argument), True)]
    if op is constants.BRANCH:
        return [result for branch in argument[1] for result in expand(branch)]
    if op is constants.SUBPATTERN:
        return expand(argument[3])
    if op is constants.IN and all(kind in (constants.LITERAL, constants.RANGE) for kind, _ in argument):
        digits = []
        for kind, value in argument:
            low, high = (value, value) if kind is constants.LITERAL else value
            digits += [chr(c) for c in range(low, high + 1)]
        return [(d, True) for d in digits] if len(digits) < 10 else [("", False)]
    if op is constants.MAX_REPEAT and argument[0] == argument[1]:
        return expand(list(argument[2]) * argument[0])
    return [("", False)]


def lesser_prefixes(region):
    """National prefixes that are the region's alone, checked with random numbers."""
    metadata = PhoneMetadata.metadata_for_region(region)
    lengths = metadata.general_desc.possible_length
    found = set()
    for kind in KINDS:
        desc = getattr(metadata, kind, None)
        if desc is None or not desc.national_number_pattern:
            continue
        for prefix, _ in expand(parser.parse(desc.national_number_pattern)):
            if prefix and alone(metadata.country_code, prefix, lengths) == {region}:
                found.add(prefix)
    return sorted(p for p in found if not any(p != q and p.startswith(q) for q in found))


def alone(code, prefix, lengths):
    chance = random.Random(prefix)
    seen = set()
    for length in lengths:
        for _ in range(40):
            rest = "".join(chance.choice("0123456789") for _ in range(length - len(prefix)))
            zeros = len(prefix + rest) - len((prefix + rest).lstrip("0"))
            number = PhoneNumber(code, int(prefix + rest), italian_leading_zero=zeros > 0 or None,
                                 number_of_leading_zeros=zeros if zeros > 1 else None)
            seen.add(phonenumbers.region_code_for_number(number))
    return seen - {None}


def countries_by_prefix():
    """E.164 prefix to country for every calling code but 1."""
    result = {}
    for code, regions in sorted(phonenumbers.COUNTRY_CODE_TO_REGION_CODE.items()):
        if code == 1 or regions[0] == "001":
            continue
        result[str(code)] = regions[0]
        for region in regions[1:]:
            result.update({f"{code}{prefix}": region for prefix in lesser_prefixes(region)})
    return result


if __name__ == "__main__":
    for prefix, country in countries_by_prefix().items():
        if len(prefix) > 3:
            print(prefix, country)
