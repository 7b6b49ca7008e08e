"""Rows of the phone table: E.164 prefix to country, regions and zones.

Source: PyPI phonenumbers (Apache-2.0), corrected by overrides.py.
"""

from collections import defaultdict

from phonenumbers.geodata import GEOCODE_DATA
from phonenumbers.tzdata import TIMEZONE_DATA

import overrides as o
import regions
from shared_codes import countries_by_prefix

TERRITORIES = {"PR", "VI", "GU", "MP", "AS"}
# Codes of Canada that serve several provinces.
SHARED_PROVINCES = {"902": ["NS", "PE"], "782": ["NS", "PE"], "867": ["YT", "NT", "NU"]}
NORTH_BY_ZONE = {regions.WHITE: "YT", regions.EDM: "NT", regions.IQA: "NU", regions.RANK: "NU", regions.CAMB: "NU"}


def names_by_area_code():
    names = defaultdict(list)
    for prefix, texts in GEOCODE_DATA.items():
        if prefix.startswith("1") and len(prefix) >= 4 and "en" in texts:
            names[prefix[1:4]].append((len(prefix), texts["en"]))
    return names


def regions_of(code, country, names):
    """Region codes of an area code: from its own name, else from the commonest abbreviation after a town."""
    if country in TERRITORIES:
        return [country]
    if code in SHARED_PROVINCES:
        return SHARED_PROVINCES[code]
    for length, name in sorted(names):
        region = regions.code_of(country, name) or name.rpartition(", ")[2]
        if region in regions.COUNTRIES[country]:
            return [region]
    return []


def north_america(nanp):
    """Yields (prefix, country, regions, zones). `nanp` is (area code, country, kind)."""
    names = names_by_area_code()
    for code, country, kind in nanp:
        listed = {p: z for p, z in TIMEZONE_DATA.items() if p[:4] == f"1{code}"}
        if kind in ("tollfree", "premium", "personal", "voip"):
            yield f"1{code}", country, [], []
            continue
        area = regions_of(code, country, names[code]) if country in ("US", "CA", *TERRITORIES) else []
        home = "US" if country in TERRITORIES else country
        iso = [f"{home}-{region}" for region in area]
        zones = union(code, listed, set())
        if not zones:
            zones = {zone for region in area for zone in regions.COUNTRIES[home][region][1]}
        prefix = f"1{code}"
        if prefix in o.REPLACED:
            zones, listed = set(o.REPLACED[prefix]), {}
        if not zones:
            print("no zone for area code", code, country, area)
        yield prefix, country, iso, sorted(zones)
        for exchange, zone in listed.items():
            if len(exchange) == 7 and exchange not in o.EXCHANGES:
                yield exchange, country, iso, list(zone)
    for exchange, zones in o.EXCHANGES.items():
        north = [f"CA-{NORTH_BY_ZONE[z]}" for z in zones] if exchange.startswith("1867") else ["CA-BC"]
        yield exchange, "CA", north, zones


def union(code, listed, seen):
    """The union rule: every zone that any exchange of the code, or of the code it overlays, has."""
    zones = {zone for row in listed.values() for zone in row} | set(o.EXTRA_ZONES.get(code, []))
    for base in o.OVERLAYS.get(code, []):
        if base not in seen:
            rows = {p: z for p, z in TIMEZONE_DATA.items() if p[:4] == f"1{base}"}
            zones |= union(base, rows, seen | {code})
    return zones


def australia():
    for prefix, (zones, states) in o.AUSTRALIA.items():
        yield prefix, None, [f"AU-{s}" for s in states], zones
    for prefix, zones in TIMEZONE_DATA.items():
        small = [z for z in zones if z in o.AUSTRALIA_SMALL]
        if not prefix.startswith("61") or len(prefix) < 5 or not small:
            continue
        base = max((p for p in o.AUSTRALIA if prefix.startswith(p)), key=len)
        base_zones, states = o.AUSTRALIA[base]
        states = states + [o.AUSTRALIA_SMALL[z] for z in small if o.AUSTRALIA_SMALL[z]]
        yield prefix, None, [f"AU-{s}" for s in states], base_zones + small


def new_zealand():
    for prefix, (zones, codes) in o.NEW_ZEALAND.items():
        yield prefix, None, [f"NZ-{c}" for c in codes], zones
    for prefix, texts in GEOCODE_DATA.items():
        if prefix.startswith("643") and o.CHATHAM_NAME in texts.get("en", "") and prefix != "64330":
            yield prefix, None, ["NZ-CAN", "NZ-CIT"], [regions.AKL, "Pacific/Chatham"]


def britain():
    london = ["Europe/London"]
    yield "44", None, [], london
    for prefix in ("441", "442"):
        yield prefix, None, ["GB-ENG"], london
    yield "4428", None, ["GB-NIR"], london
    for codes, nation in ((o.SCOTLAND, "SCT"), (o.WALES, "WLS")):
        for code in codes:
            if code not in o.BORDER:
                yield f"44{code}", None, [f"GB-{nation}"], london
    for code, nations in o.BORDER.items():
        yield f"44{code}", None, [f"GB-{n}" for n in nations], london
    for country, zone in (("GG", "Europe/Guernsey"), ("JE", "Europe/Jersey"), ("IM", "Europe/Isle_of_Man")):
        code = {"GG": "1481", "JE": "1534", "IM": "1624"}[country]
        yield f"44{code}", country, [], [zone]


HAND = ("1", "44", "61", "64")
OWN_ZONE = {"GG": "Europe/Guernsey", "JE": "Europe/Jersey", "IM": "Europe/Isle_of_Man", "CX": "Indian/Christmas", "CC": "Indian/Cocos"}


def rows(nanp):
    """Every row, complete: {prefix: (country, regions, zones)}; rows that repeat their parent are left out."""
    countries = countries_by_prefix()
    given = {prefix: (country, iso, zones) for prefix, country, iso, zones in
             [*north_america(nanp), *australia(), *new_zealand(), *britain()]}
    for prefix, zones in TIMEZONE_DATA.items():
        if not prefix.startswith(HAND):
            given[prefix] = (None, [], list(zones))
    complete = {}
    for prefix in sorted(set(given) | set(countries), key=lambda p: (len(p), p)):
        parent = longest(complete, prefix[:-1])
        country, iso, zones = given.get(prefix) or (None, *(parent[1:] if parent else ([], [])))
        country = country or longest(countries, prefix) or (parent[0] if parent else None)
        if country in OWN_ZONE and prefix in countries:
            iso, zones = [], [OWN_ZONE[country]]
        place = (country, sorted(iso), sorted(zones))
        if place != parent:
            complete[prefix] = place
    return complete


def longest(table, prefix):
    while prefix:
        if prefix in table:
            return table[prefix]
        prefix = prefix[:-1]
    return None
