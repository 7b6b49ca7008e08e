"""Why our lists and two libraries differ, by calendar, who has the day (O ours, P PyPI holidays, N npm date-holidays) and
name; all three are patterns. Reviewed 2026-11-29. A difference that no line explains is new: read the law, then mend the
rule or add a line.
"""

import re

KEPT = "a day in lieu is added and the day itself kept: whether the state moves or adds it differs by library"
ADVISORY = "advisory: days in lieu follow one rule for all provinces, which adds days where a province moves none"
REVIEWS = [
    # United States
    ("US-(MS|PA|RI)", "-PN", ".*(observed)", "the state's law moves a Sunday only; the library applies the federal rule"),
    ("US-MS", "--N", "Columbus Day", "not among the days of Miss. Code 3-3-7"),
    ("US-PA", "-P-", "Day After Thanksgiving", "a day off of the state's offices, not among the days of 44 P.S. 11"),
    ("US-PA", "O-[-N]", "(Election|Flag|Lincoln).*|Good Friday", "named by 44 P.S. 11; the libraries list days that offices close"),
    ("US-AL", "O--", "Mardi Gras.*", "a holiday of two counties (Code 1-3-8), and a number does not tell the county"),
    ("US-LA", "O-[-N]", "(Acadian|All Saints|Battle|Huey|Juneteenth|Columbus).*", "named by La. RS 1:55, given or not by proclamation"),
    ("US-NE", "O--", "Day after Thanksgiving", "named by Neb. Rev. Stat. 62-301"),
    ("US-RI", "O--", "General Election Day", "named by R.I. Gen. Laws 25-1-1"),
    ("US-RI", "O--", "Rhode Island Independence Day.*", "a day of the General Laws without offices closing; in doubt kept"),
    ("US-UT", "O--", "Juneteenth", "the Monday of Utah Code 63G-1-301(1)(f); the libraries have the 19th, which is kept as well"),
    ("US-UT", "OP-", "Pioneer Day.*", "npm moves federal days only"),
    # Canada
    ("CA", "OP-", ".*", "npm has for the whole country only the days that all provinces share"),
    ("CA-.*", "O[P-]-", ".*(in lieu)", ADVISORY),
    ("CA-.*", "OP-", "(National Day for Truth.*|Orange Shirt Day)", "npm lacks the day's adoption by the province"),
    ("CA-MB", "O--", "Terry Fox Day|Remembrance Day", "not a general holiday, but a day of the province's own Act; advisory"),
    ("CA-NB", "O--", "(Boxing|Victoria|National Day).*|Thanksgiving|Remembrance Day",
     "a prescribed day of rest without pay, which the libraries leave out; advisory"),
    ("CA-QC", "O--", "Easter Monday", "Good Friday or Easter Monday, at the employer's choice: both"),
    ("CA-(NT|ON|YT)", "--N", "(Easter Monday|Boxing Day)", "a day off of the public service, not a statutory day"),
    ("CA-PE", "--N", "Gold Cup Parade Day", "one city's, not a statutory day"),
    # United Kingdom
    ("GB-SCT", "OP-", "World Cup.*", "proclaimed for 15 June 2026, later than npm's rules"),
    # Australia
    ("AU", "--N", "Easter (Saturday|Sunday)", "not a holiday in every state and territory before 2027"),
    ("AU(-.*)?", "O-[-N]", "(Australia|Anzac|Boxing|New Year's) Day", KEPT),
    ("AU-(NT|SA)", "OP-", "Christmas Day", KEPT),
    ("AU-NSW", "--N", "Bank Holiday", "binds banks only"),
    ("AU-(NT|QLD|SA)", "O-N", "(Christmas|New Year's) Eve.*", "a part-day holiday; PyPI lists it as half a day"),
    ("AU-QLD", "OP-", "Royal Queensland Show.*", "a holiday of Brisbane only, and a number does not tell the city"),
    ("AU-SA", "O--", "Anzac Day .*", "Monday after a Sunday; the 2023 Act, newer than the libraries' rules"),
    ("AU-TAS", "O--", "(Easter Tuesday|Recreation|Royal Hobart).*", "kept by part of the state"),
    ("AU-TAS", "OP-", "Easter Sunday", "npm has the state's rules before 2027"),
    # Europe
    ("DE", "--N", "(Christmas|New Year's) Eve", "a bank's half day, not a holiday by law"),
    ("ES", "O--", "Holy Thursday", "kept by nearly all communities; in doubt in the national list"),
    ("ES", "O-N", ".*", "on a Sunday PyPI leaves the day to the communities; it stays a holiday"),
    ("IT", "-P-", "National Unity Day", "a Sunday without a day off"),
]
COMPILED = [(re.compile(c), re.compile(w), re.compile(n), why) for c, w, n, why in
            ((c, w, n.replace("(in lieu)", r"\(in lieu\)").replace("(observed)", r"\(observed\)"), why) for c, w, n, why in REVIEWS)]
used = set()


def review(calendar, who, title):
    """The reason, or nothing."""
    for number, (calendars, whom, names, why) in enumerate(COMPILED):
        if calendars.fullmatch(calendar) and whom.fullmatch(who) and names.fullmatch(title):
            used.add(number)
            return why
    return None


def unused():
    """Lines that explain nothing any more."""
    return [REVIEWS[number][:3] for number in range(len(REVIEWS)) if number not in used]
