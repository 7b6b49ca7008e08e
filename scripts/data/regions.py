"""Regions of the five countries and their zones. Written by hand, 22 November 2026.

Zones: IANA 2026f (zone.tab, northamerica, australasia) and, for split states, 49 CFR part 71.
"""

E, C, M, P = "America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles"
BOISE, PHX, ANC, ADAK, HNL = "America/Boise", "America/Phoenix", "America/Anchorage", "America/Adak", "Pacific/Honolulu"

US = {  # code: (name, zones)
    "AL": ("Alabama", [C]), "AK": ("Alaska", [ANC, ADAK]), "AZ": ("Arizona", [PHX, M]), "AR": ("Arkansas", [C]),
    "CA": ("California", [P]), "CO": ("Colorado", [M]), "CT": ("Connecticut", [E]), "DE": ("Delaware", [E]),
    "DC": ("District of Columbia", [E]), "FL": ("Florida", [E, C]), "GA": ("Georgia", [E]), "HI": ("Hawaii", [HNL]),
    "ID": ("Idaho", [BOISE, P]), "IL": ("Illinois", [C]), "IN": ("Indiana", ["America/Indiana/Indianapolis", C]),
    "IA": ("Iowa", [C]), "KS": ("Kansas", [C, M]), "KY": ("Kentucky", [E, C]), "LA": ("Louisiana", [C]),
    "ME": ("Maine", [E]), "MD": ("Maryland", [E]), "MA": ("Massachusetts", [E]), "MI": ("Michigan", ["America/Detroit", C]),
    "MN": ("Minnesota", [C]), "MS": ("Mississippi", [C]), "MO": ("Missouri", [C]), "MT": ("Montana", [M]),
    "NE": ("Nebraska", [C, M]), "NV": ("Nevada", [P, M]), "NH": ("New Hampshire", [E]), "NJ": ("New Jersey", [E]),
    "NM": ("New Mexico", [M]), "NY": ("New York", [E]), "NC": ("North Carolina", [E]), "ND": ("North Dakota", [C, M]),
    "OH": ("Ohio", [E]), "OK": ("Oklahoma", [C]), "OR": ("Oregon", [P, BOISE]), "PA": ("Pennsylvania", [E]),
    "RI": ("Rhode Island", [E]), "SC": ("South Carolina", [E]), "SD": ("South Dakota", [C, M]), "TN": ("Tennessee", [C, E]),
    "TX": ("Texas", [C, M]), "UT": ("Utah", [M]), "VT": ("Vermont", [E]), "VA": ("Virginia", [E]),
    "WA": ("Washington", [P]), "WV": ("West Virginia", [E]), "WI": ("Wisconsin", [C]), "WY": ("Wyoming", [M]),
    "PR": ("Puerto Rico", ["America/Puerto_Rico"]), "VI": ("Virgin Islands", ["America/St_Thomas"]),
    "GU": ("Guam", ["Pacific/Guam"]), "MP": ("Northern Mariana Islands", ["Pacific/Saipan"]),
    "AS": ("American Samoa", ["Pacific/Pago_Pago"]),
}

VAN, EDM, REG, WPG, TOR = "America/Vancouver", "America/Edmonton", "America/Regina", "America/Winnipeg", "America/Toronto"
HFX, STJ, GOOSE, WHITE = "America/Halifax", "America/St_Johns", "America/Goose_Bay", "America/Whitehorse"
IQA, RANK, CAMB, INU = "America/Iqaluit", "America/Rankin_Inlet", "America/Cambridge_Bay", "America/Inuvik"
DAWSON, CRES, FNEL = "America/Dawson_Creek", "America/Creston", "America/Fort_Nelson"
SWIFT, ATIK, BLANC = "America/Swift_Current", "America/Atikokan", "America/Blanc-Sablon"

CA = {
    "AB": ("Alberta", [EDM]), "BC": ("British Columbia", [VAN, DAWSON, CRES, FNEL, EDM]), "MB": ("Manitoba", [WPG]),
    "NB": ("New Brunswick", ["America/Moncton"]), "NL": ("Newfoundland and Labrador", [STJ, GOOSE]),
    "NS": ("Nova Scotia", [HFX, "America/Glace_Bay"]), "NT": ("Northwest Territories", [EDM, INU]),
    "NU": ("Nunavut", [IQA, RANK, CAMB]), "ON": ("Ontario", [TOR, WPG, ATIK]), "PE": ("Prince Edward Island", [HFX]),
    "QC": ("Quebec", [TOR, BLANC, HFX]), "SK": ("Saskatchewan", [REG, SWIFT, EDM]), "YT": ("Yukon", [WHITE, "America/Dawson"]),
}

SYD, MEL, BNE, ADL = "Australia/Sydney", "Australia/Melbourne", "Australia/Brisbane", "Australia/Adelaide"
PER, HOB, DRW, BHQ = "Australia/Perth", "Australia/Hobart", "Australia/Darwin", "Australia/Broken_Hill"
EUCLA, LHI = "Australia/Eucla", "Australia/Lord_Howe"

AU = {
    "NSW": ("New South Wales", [SYD, BHQ, LHI]), "VIC": ("Victoria", [MEL]), "QLD": ("Queensland", [BNE, "Australia/Lindeman"]),
    "SA": ("South Australia", [ADL]), "WA": ("Western Australia", [PER, EUCLA]), "TAS": ("Tasmania", [HOB]),
    "NT": ("Northern Territory", [DRW]), "ACT": ("Australian Capital Territory", [SYD]),
}

GB = {
    "ENG": ("England", ["Europe/London"]), "SCT": ("Scotland", ["Europe/London"]),
    "WLS": ("Wales", ["Europe/London"]), "NIR": ("Northern Ireland", ["Europe/London"]),
}

AKL = "Pacific/Auckland"
NZ = {
    "AUK": ("Auckland", [AKL]), "BOP": ("Bay of Plenty", [AKL]), "CAN": ("Canterbury", [AKL]), "GIS": ("Gisborne", [AKL]),
    "HKB": ("Hawke's Bay", [AKL]), "MBH": ("Marlborough", [AKL]), "MWT": ("Manawatu-Whanganui", [AKL]),
    "NSN": ("Nelson", [AKL]), "NTL": ("Northland", [AKL]), "OTA": ("Otago", [AKL]), "STL": ("Southland", [AKL]),
    "TAS": ("Tasman", [AKL]), "TKI": ("Taranaki", [AKL]), "WGN": ("Wellington", [AKL]), "WKO": ("Waikato", [AKL]),
    "WTC": ("West Coast", [AKL]), "CIT": ("Chatham Islands", ["Pacific/Chatham"]),
}

COUNTRIES = {"US": US, "CA": CA, "AU": AU, "GB": GB, "NZ": NZ}

# Names by which regions are also written.
ALIASES = {
    "US": {"DC": ["Washington DC", "Washington D.C."], "WA": ["Washington State"], "VI": ["US Virgin Islands"],
           "MP": ["Northern Marianas", "Saipan"]},
    "CA": {"QC": ["Québec"], "NL": ["Newfoundland", "Labrador"], "YT": ["Yukon Territory"], "PE": ["PEI"],
           "BC": ["British Colombia"]},
    "AU": {}, "GB": {}, "NZ": {"MWT": ["Manawatū-Whanganui"], "HKB": ["Hawkes Bay"]},
}


def code_of(country, name):
    """The region code of a name as geographic data writes it, or None."""
    for code, (own, _) in COUNTRIES[country].items():
        if name == own or name in ALIASES[country].get(code, []):
            return code
    return None
