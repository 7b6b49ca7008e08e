"""Writes crates/cxc-core/data/compliance/holidays/*.tsv: every holiday of every calendar, one dated line each, and
holds two libraries against them: PyPI holidays (MIT) and npm date-holidays (ISC and CC-BY-3.0). Nothing of either is
shipped, and neither is right by itself: where they and we differ, holiday_reviews.py must say why. A difference that it
does not explain ends the script with an error.
"""

import json
import subprocess
import sys
from datetime import date, timedelta

import holidays

import holiday_rules as r
from holiday_reviews import review, unused
from places import ROOT

OUT = ROOT / "crates/cxc-core/data/compliance/holidays"
NODE = ROOT / ".tmp/data/node"
YEARS = range(2025, 2031)


def days(calendar):
    """{date: name} of a calendar, days in lieu included; the year before and after give days in lieu as well."""
    name, _, lieu, rules = calendar
    actual = {}
    for year in (YEARS[0] - 1, *YEARS, YEARS[-1] + 1):
        for title, rule in rules.items():
            found = rule(year)
            for day in found if isinstance(found, list) else [found]:
                actual.setdefault(day, title)
    complete = dict(actual)
    for day, title in sorted(actual.items()):
        moved = in_lieu(day, lieu, complete) if title not in r.NOT_MOVED or name in r.MOVED_ANZAC else None
        if moved:
            complete.setdefault(moved, f"{title} (in lieu)")
    return {day: title for day, title in sorted(complete.items()) if day.year in YEARS}


def in_lieu(day, lieu, taken):
    weekday = day.weekday()
    if weekday < 5 or lieu == r.NONE:
        return None
    if lieu == r.NEXT_WORKDAY:
        while day.weekday() > 4 or day in taken:
            day += timedelta(1)
        return day
    if weekday == 6:
        return day + timedelta(1)
    return day - timedelta(1) if lieu == r.SAT_FRI_SUN_MON else None


def by_pypi(calendar):
    country, _, region = calendar.partition("-")
    if calendar == "AU":
        states = [by_pypi(f"AU-{s}") for s in ("ACT", "NSW", "NT", "QLD", "SA", "TAS", "VIC", "WA")]
        return {day: title for day, title in states[0].items() if all(day in other for other in states)}
    wanted = {"language": "en_US"} if country in ("DE", "ES", "FR", "IT") else {}
    if calendar == "CA":
        wanted["categories"] = ("government",)
    return dict(holidays.country_holidays(country, subdiv=region or None, years=YEARS, **wanted))


SCRIPT = """
import Holidays from 'date-holidays';
const out = {};
for (const calendar of JSON.parse(process.argv[2])) {
  const [country, region] = calendar.split('-');
  const h = new Holidays(...[country, region].filter(Boolean), { languages: ['en'] });
  out[calendar] = [];
  for (const year of JSON.parse(process.argv[3]))
    for (const day of h.getHolidays(year))
      if (day.type === 'public' || day.type === 'bank') out[calendar].push([day.date.slice(0, 10), day.name]);
}
console.log(JSON.stringify(out));
"""


def by_npm(calendars):
    script = NODE / "holidays.mjs"
    script.write_text(SCRIPT)
    run = subprocess.run(["node", script, json.dumps(calendars), json.dumps(list(YEARS))], capture_output=True, check=True, text=True)
    return {c: {date.fromisoformat(day): name for day, name in rows} for c, rows in json.loads(run.stdout).items()}


def disagreements(calendar, ours, pypi, npm):
    for day in sorted(set(ours) | set(pypi) | set(npm)):
        names = [table.get(day) for table in (ours, pypi, npm)]
        if not all(names):
            who = "".join(letter if name else "-" for letter, name in zip("OPN", names))
            title = names[0] or names[1] or names[2]
            yield calendar, day, who, title, review(calendar, who, title)


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    calendars = [calendar for table in r.FILES.values() for calendar in table]
    npm = by_npm([calendar[0] for calendar in calendars])
    found, coverage = [], []
    for file, table in r.FILES.items():
        rows = []
        for calendar in sorted(table):
            name, law, lieu, _ = calendar
            ours = days(calendar)
            coverage.append(f"{name}\t{YEARS[0]}-01-01\t{YEARS[-1]}-12-31\t{lieu}\t{law}")
            pypi = by_pypi(name)
            # a day that only our reading of the law has says so in the file and in every answer
            low = {day for day in ours if day not in pypi and day not in npm[name]}
            rows += [f"{name}\t{day}\t{title}" + ("\tlow" if day in low else "") for day, title in ours.items()]
            found += disagreements(name, ours, pypi, npm[name])
        write(OUT / f"{file}.tsv", "calendar, date, name, low where no second source confirms it", rows)
    write(OUT / "calendars.tsv", "calendar, first and last day that its list covers, days in lieu, law", coverage)
    new = [row for row in found if not row[4]]
    write(ROOT / "scripts/data/holiday_disagreements.tsv",
          "calendar, date, who has it (O ours, P PyPI holidays, N npm date-holidays), name, why; written by holiday_lists.py",
          ["\t".join(map(str, row)) for row in found if row[4]])
    for calendar, day, who, title, _ in new:
        print(f"new disagreement: {calendar} {day} {day:%a} {who} {title}", file=sys.stderr)
    for line in unused():
        print(f"explains nothing any more: {line}", file=sys.stderr)
    if new or unused():
        sys.exit(f"{len(new)} new disagreements: mend scripts/data/holiday_rules.py or holiday_reviews.py")


def write(path, header, rows):
    path.write_text(f"# {header}\n" + "\n".join(rows) + "\n")
    print(f"{path.name}: {len(rows)} rows")


if __name__ == "__main__":
    main()
