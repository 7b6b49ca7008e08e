"""The table of places: every (country, regions, zones) that a look-up can answer, by number."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OUT = ROOT / "crates/cxc-core/data/location"


class Places:
    """Numbers places in the order of their first use."""

    def __init__(self):
        self.numbers = {}

    def number(self, country, regions, zones):
        place = (country or "", ",".join(sorted(set(regions))), ",".join(sorted(set(zones))))
        return self.numbers.setdefault(place, len(self.numbers))

    def write(self):
        rows = ["\t".join(place) for place in self.numbers]
        write("places.tsv", "country, regions, zones; a place's number is its line's, from 0", rows)


def write(name, header, rows):
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / name).write_text(f"# {header}\n" + "\n".join(rows) + "\n")
    print(f"{name}: {len(rows)} rows, {(OUT / name).stat().st_size} bytes")
