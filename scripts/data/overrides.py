"""Corrections of the metadata's prefix to zone map, by hand. Each has its date and its source.

`docs/location-data.md` explains the rules; compliance needs no zone missing, so every doubt adds one.
"""

from regions import ADL, AKL, BHQ, BNE, CAMB, CRES, DAWSON, DRW, EDM, EUCLA, FNEL, HOB, IQA, MEL, PER, RANK, SYD, VAN, WHITE

# North American overlays whose zones are those of the code they overlay (CNA and NANPA relief plans; 2026-11-22).
OVERLAYS = {
    "448": ["850"], "364": ["270"], "458": ["541"], "531": ["402"], "930": ["812"], "986": ["208"], "729": ["423"],
    "236": ["250"], "672": ["250"], "778": ["250"], "257": ["250"], "879": ["709"], "428": ["506"], "782": ["902"],
    "367": ["418"], "581": ["418"], "728": ["561"], "572": ["405"], "539": ["918"], "463": ["317"], "821": ["864"],
}

# Zones that an area code has beside those of the metadata (2026-11-22).
EXTRA_ZONES = {
    # 49 CFR 71.9 and local use: West Wendover and Jackpot, Nevada keep Mountain time.
    "775": ["America/Denver"],
    # Phenix City and Lanett, Alabama keep Eastern time with Columbus, Georgia.
    "334": ["America/New_York"],
    # Cherry County and the western edge of 402: Mountain time west of the county's middle.
    "402": ["America/Denver"],
    # Hudspeth and Culberson Counties, Texas: Mountain time by law or by use.
    "432": ["America/Denver"],
    # Kenton, Oklahoma keeps Mountain time.
    "580": ["America/Denver"],
    # British Columbia: the Peace and the East Kootenay.
    "250": [VAN, DAWSON, FNEL, CRES, EDM],
    # Labrador keeps Atlantic time, the south-east of it Newfoundland time.
    "709": ["America/St_Johns", "America/Goose_Bay"],
    # Ontario west of 90 degrees, and Atikokan.
    "807": ["America/Winnipeg", "America/Toronto", "America/Atikokan"],
    # Quebec: Magdalen Islands, Blanc-Sablon.
    "418": ["America/Toronto", "America/Halifax", "America/Blanc-Sablon"],
    # Gogebic, Iron, Dickinson, Menominee Counties, Michigan.
    "906": ["America/Detroit", "America/Chicago", "America/Menominee"],
    # Aleutians west of 169.5 degrees west.
    "907": ["America/Anchorage", "America/Adak"],
    # Lloydminster keeps Alberta time.
    "306": ["America/Regina", EDM], "639": ["America/Regina", EDM], "474": ["America/Regina", EDM],
    # Navajo Nation.
    "928": ["America/Phoenix", "America/Denver"],
    # Malheur County, Oregon.
    "541": ["America/Los_Angeles", "America/Boise"],
    "208": ["America/Los_Angeles", "America/Boise"],
}

NORTH = [WHITE, EDM, RANK, IQA, CAMB]

# Whole subtrees: the metadata's rows under the prefix are dropped, then these hold. Source: CNA exchange
# lists for 867 and 250, ACMA numbering for 61; reviewed 2026-11-22.
REPLACED = {
    "1867": NORTH,
    "61": None,
    "44": None,
    "64": None,
}

EXCHANGES = {
    **{f"1867{x}": [WHITE] for x in (393, 456, 633, 667, 668)},
    **{f"1867{x}": [EDM] for x in (669, 766, 873, 920)},
    **{f"1867{x}": [IQA] for x in (975, 979)},
    "1867645": [RANK],
    "1867983": [CAMB],
    # Dawson Creek, Fort St John.
    **{f"1250{x}": [DAWSON] for x in (261, 262, 263, 264, 782, 783, 784, 785, 786, 787, 788, 789, 793)},
    # Fort Nelson; Creston.
    "1250774": [FNEL],
    "1250428": [CRES], "1250402": [CRES],
    # Cranbrook, Fernie, Golden keep Alberta time.
    **{f"1250{x}": [EDM] for x in (420, 423, 426, 489)},
}

# 61: zones and states by hand. Small outlying zones are added where the metadata knows their exchanges.
AUSTRALIA = {
    # Of a mobile number only the country is known: the five offsets of the mainland.
    "61": ([SYD, BNE, ADL, DRW, PER], []),
    "612": ([SYD], ["NSW", "ACT"]),
    "613": ([MEL, HOB], ["VIC", "TAS"]),
    **{f"6136{x}": ([HOB], ["TAS"]) for x in range(1, 6)},
    "617": ([BNE], ["QLD"]),
    **{p: ([BNE, SYD], ["QLD", "NSW"]) for p in ("61755", "61756")},
    "618": ([ADL, DRW, PER, BHQ], ["SA", "NT", "WA", "NSW"]),
    "6186": ([PER], ["WA"]), "6189": ([PER], ["WA"]),
    "6187": ([ADL], ["SA"]), "6188": ([ADL], ["SA"]),
    "61889": ([DRW], ["NT"]), "61879": ([ADL, DRW], ["SA", "NT"]),
    **{p: ([BHQ], ["NSW"]) for p in ("6188080", "6188087", "6188088")},
}
AUSTRALIA_SMALL = {"Australia/Lord_Howe": "NSW", EUCLA: "WA", "Indian/Christmas": None, "Indian/Cocos": None}

NEW_ZEALAND = {
    "64": ([AKL], []),
    "643": ([AKL], ["CAN", "MBH", "NSN", "OTA", "STL", "TAS", "WTC"]),
    "64330": ([AKL, "Pacific/Chatham"], ["CAN", "CIT"]), "643305": (["Pacific/Chatham"], ["CIT"]),
    "644": ([AKL], ["WGN"]), "646": ([AKL], ["GIS", "HKB", "MWT", "TKI", "WGN"]),
    "647": ([AKL], ["BOP", "WKO", "MWT"]), "649": ([AKL], ["AUK", "NTL"]),
}
CHATHAM_NAME = "Chatham"

# 01 and 02 area codes of Scotland and Wales, and those that lie across a border; all others are English.
SCOTLAND = """131 141 1224 1236 1241 1250 1259 1261 1290 1292 1294 1301 1307 1309 1320 1324 1330 1333 1334 1337 1340 1343
1346 1349 1350 1355 1356 1357 1358 1360 1361 1368 1369 1381 1382 1383 1387 1389 1397 1408 1431 1436 1445 1450 1456 1461
1463 1464 1465 1466 1467 1470 1471 1475 1478 1479 1499 1501 1505 1506 1520 1528 1540 1542 1546 1549 1555 1556 1557 1560
1561 1563 1567 1569 1571 1573 1575 1576 1577 1578 1581 1583 1586 1592 1593 1595 1599 1620 1631 1641 1644 1650 1651 1655
1659 1667 1671 1674 1680 1681 1683 1687 1688 1698 1700 1721 1738 1750 1764 1770 1771 1776 1779 1786 1796 1806 1807 1808
1809 1821 1828 1835 1838 1847 1848 1851 1852 1854 1855 1856 1857 1859 1862 1863 1864 1866 1870 1871 1875 1876 1877 1878
1879 1880 1882 1887 1888 1890 1896 1899 1950 1951 1955 1957 1967 1968 1971 1972 1975 1988 1997""".split()
WALES = """29 1222 1239 1248 1267 1269 1286 1341 1348 1352 1407 1437 1443 1446 1490 1492 1495 1545 1550 1554 1558 1559 1570
1591 1597 1633 1639 1646 1650 1654 1656 1678 1685 1686 1690 1745 1758 1766 1792 1824 1834 1873 1874 1938 1970 1974 1978
1982 1994""".split()
BORDER = {
    "1244": ["ENG", "WLS"], "1291": ["ENG", "WLS"], "1497": ["ENG", "WLS"], "1544": ["ENG", "WLS"], "1547": ["ENG", "WLS"],
    "1588": ["ENG", "WLS"], "1600": ["ENG", "WLS"], "1691": ["ENG", "WLS"], "1743": ["ENG", "WLS"], "1948": ["ENG", "WLS"],
    "1981": ["ENG", "WLS"], "1228": ["ENG", "SCT"], "1289": ["ENG", "SCT"], "1461": ["ENG", "SCT"], "1890": ["ENG", "SCT"],
    "1650": ["WLS"], "1651": ["SCT"],
}

# Where our zones need not contain the metadata's, and why: the test location_zones counts them. Reviewed 2026-11-29.
ACMA = "ACMA numbering plan"
REVIEWED = {
    "614": f"{ACMA}: mobile numbers have the mainland's offsets; outlying zones by a setting",
    "6114": f"{ACMA}: location independent numbers, as mobile ones",
    "617": f"{ACMA}: 07 is Queensland, which has no daylight saving (Standard Time Act 1894); the metadata has Sydney",
    "6185": f"{ACMA}: 08 51 is the Pilbara and the Kimberley in Western Australia; the metadata has Sydney",
    "6186": f"{ACMA}: 08 6 is Perth; the metadata has Adelaide as well", "6189": f"{ACMA}: 08 9 is Perth; the metadata has Adelaide as well",
    "6187": f"{ACMA}: 08 7 is Adelaide; the metadata has Perth as well", "6188": f"{ACMA}: 08 8 is Adelaide, 08 89 Darwin, "
    "08 8080, 8087 and 8088 Broken Hill; the metadata has Adelaide and Perth",
    "642": "NZ numbering plan: mobile numbers; Chatham by a setting",
    **{prefix: "CNA exchange list: " + ("the territories" if prefix.startswith("1867") else "the Peace, the East Kootenay, Creston")
       for prefix in EXCHANGES},
}
