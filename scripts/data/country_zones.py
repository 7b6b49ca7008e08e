"""Zones of each country, from zone.tab of PyPI tzdata (the table is in the public domain)."""

from collections import defaultdict
from datetime import datetime, timezone
from importlib.resources import files
from zoneinfo import ZoneInfo

DATES = [datetime(year, month, 15, tzinfo=timezone.utc) for year in (2026, 2027, 2028) for month in range(1, 13)]
# Zones that zone.tab leaves to a neighbour, or does not have.
EXTRA = {"XK": ["Europe/Belgrade"], "AC": ["Atlantic/St_Helena"], "TA": ["Atlantic/St_Helena"], "BV": ["Europe/Oslo"],
         "HM": ["Indian/Kerguelen"]}


def zones():
    found = defaultdict(list)
    for line in (files("tzdata") / "zoneinfo/zone.tab").read_text().splitlines():
        if not line.startswith("#"):
            country, _, zone = line.split("\t")[:3]
            found[country].append(zone)
    found.update(EXTRA)
    return {country: sorted(z) for country, z in found.items()}


def differ(names):
    """Whether the zones' offsets differ on any of the dates."""
    return len({tuple(ZoneInfo(name).utcoffset(date) for date in DATES) for name in names}) > 1
