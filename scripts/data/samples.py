"""Writes location_zones.tsv and location_overrides.tsv, fixtures of the tests: the zones that Python phonenumbers gives to random numbers.

100,000 random valid numbers of each country that has tables, up to 1,000 of every other. The numbers themselves are not
written: the test draws the same ones from the same generator (splitmix64). A country's line says how:

    C  country  seed  candidates  valid ones  checksum of the candidates  stems  zones of the calling code

The last is the number of the set that a calling code of several countries has as a whole, else -: the metadata gives it
to numbers of which it knows no more.

A stem, such as 1201+7, is leading digits and how many random digits follow; for each candidate one number of the
generator chooses the stem, the next one gives the digits. Then follow the candidates in the order of their digits, as
runs: every candidate from these digits up to the next run's had this answer, as asked one by one.

    leading digits of the first number  type, or - where not valid  number of the set of zones, from the Z lines

`samples.py FILE` asks for up to 100,000 of every country, and writes that to a file (70 MB) which is not kept: `make zones`.
"""

import sys
from pathlib import Path

import phonenumbers as p
from phonenumbers.timezone import time_zones_for_number
from phonenumbers.tzdata import TIMEZONE_DATA

import nanp
from fixtures import OUT, TYPES
from overrides import REVIEWED

FULL = {"AU", "CA", "GB", "NZ", "US"}
MASK = (1 << 64) - 1


class Generator:
    """splitmix64, by Sebastiano Vigna; the test has the same."""

    def __init__(self, seed):
        self.state = seed

    def next(self):
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        return z ^ (z >> 31)


def stems(region, code, areas):
    """What random numbers of a country begin with: nothing but its code, or what an example number begins with."""
    if code == 1:
        return [f"1{area}+7" for area, country in areas if country == region]
    lengths = [n for n in p.PhoneMetadata.metadata_for_region(region).general_desc.possible_length if len(str(code)) + n <= 15]
    if region in FULL:
        return [stem for n in lengths for lead in range(10_000) if in_use(stem := f"{code}{lead:04}+{n - 4}", code, region)]
    found = {f"{code}+{n}" for n in lengths}
    for kind in TYPES:
        number = p.example_number_for_type(region, kind)
        digits = p.national_significant_number(number) if number else ""
        found |= {f"{code}{digits[:n]}+{len(digits) - n}" for n in (1, 2, 3) if n < len(digits) <= 15 - len(str(code))}
    return sorted(found)


def in_use(stem, code, region):
    """Whether any of twenty numbers is valid."""
    stem, count = stem.split("+")
    step = max(10 ** int(count) // 20, 1)
    return any(answer(stem + str(n).zfill(int(count)), code, region) for n in range(step // 3, 10 ** int(count), step))


def answer(digits, code, region):
    """Type and zones, if it is a valid number of the country."""
    national = digits[len(str(code)):]
    zeros = len(national) - len(national.lstrip("0"))
    if zeros == len(national):
        return None
    number = p.PhoneNumber(country_code=code, national_number=int(national), italian_leading_zero=zeros > 0 or None,
                           number_of_leading_zeros=zeros if zeros > 1 else None)
    if not p.is_valid_number_for_region(number, region) or p.region_code_for_number(number) != region:
        return None
    return TYPES[p.number_type(number)], ",".join(time_zones_for_number(number))


def country(region, seed, areas, zones, rest):
    code = p.country_code_for_region(region)
    wanted, most = (100_000, 1_000_000) if region in FULL else rest
    chance, choices = Generator(seed), stems(region, code, areas)
    drawn, valid, answers = 0, 0, {}
    checksum = 0
    while valid < wanted and drawn < most:
        stem, count = choices[chance.next() % len(choices)].split("+")
        digits = stem + str(chance.next() % 10 ** int(count)).zfill(int(count))
        drawn += 1
        checksum = (checksum * 31 + int(digits)) & MASK
        if digits not in answers:
            answers[digits] = answer(digits, code, region)
            valid += answers[digits] is not None
    yield f"C\t{region}\t{seed}\t{drawn}\t{valid}\t{checksum}\t{' '.join(choices)}\t{whole(code, zones)}"
    before, last = (), ""
    for digits, found in sorted(answers.items()):
        run = ("-",) if found is None else (found[0], str(zones.setdefault(found[1], len(zones))))
        if run != before:
            yield "\t".join([shortest(last, digits), *run])
        before, last = run, digits


def whole(code, zones):
    """The set of a calling code of several countries."""
    if len(p.region_codes_for_country_code(code)) == 1 or code in (44, 61):
        return "-"
    return zones.setdefault(",".join(TIMEZONE_DATA[str(code)]), len(zones))


def shortest(last, digits):
    """The fewest leading digits that come behind the last number."""
    return next(digits[:n] for n in range(1, len(digits) + 1) if digits[:n] > last)


def main(out=None):
    areas = [line.split("\t")[:2] for line in nanp.OUT.read_text().splitlines() if not line.startswith("#")]
    zones, rows = {}, []
    rest = (100_000, 1_000_000) if out else (1_000, 3_000)
    for seed, region in enumerate(sorted(p.SUPPORTED_REGIONS)):
        rows.extend(country(region, seed, areas, zones, rest))
    header = ["# written by scripts/data/samples.py, which explains the lines", *(f"Z\t{names}" for names in zones)]
    target = out or OUT / "location_zones.tsv"
    target.write_text("\n".join([*header, *rows]) + "\n")
    print(f"{target.name}: {len(rows)} rows")
    if out:
        return
    (OUT / "location_overrides.tsv").write_text("# prefix, source and reason; written from scripts/data/overrides.py\n" + "".join(
        f"{prefix}\t{reason}\n" for prefix, reason in sorted(REVIEWED.items())))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:2]))
