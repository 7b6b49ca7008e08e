"""Which days are holidays where: our own reading of the statutes, by calendar. Dates come from here and from nowhere else;
holiday_lists.py writes them out one by one and holds two libraries against them.

A calendar is (name, citation, how days in lieu are found, {name of a day: rule}). A rule takes a year and gives a date,
several or none. What is in doubt is in the list: a day too many costs a day, a day too few costs a complaint.
"""

from datetime import date, timedelta

from dateutil.easter import easter as easter_sunday

MON, TUE, FRI = 0, 1, 4


def on(month, day):
    return lambda year: date(year, month, day)


def nth(n, weekday, month):
    return lambda year: date(year, month, 1) + timedelta((weekday - date(year, month, 1).weekday()) % 7 + 7 * (n - 1))


def on_or_after(weekday, month, day):
    return lambda year: date(year, month, day) + timedelta((weekday - date(year, month, day).weekday()) % 7)


def before(weekday, month, day):
    return lambda year: date(year, month, day) - timedelta((date(year, month, day).weekday() - weekday - 1) % 7 + 1)


def last(weekday, month):
    return lambda year: before(weekday, month % 12 + 1, 1)(year + month // 12)


def easter(days):
    return lambda year: easter_sunday(year) + timedelta(days)


def listed(*texts):
    dates = [date.fromisoformat(text) for text in texts]
    return lambda year: [d for d in dates if d.year == year]


def since(first, rule):
    return lambda year: rule(year) if year >= first else []


def election(year):
    """The day after the first Monday of November, in even years."""
    return nth(1, MON, 11)(year) + timedelta(1) if year % 2 == 0 else []


def utah_juneteenth(year):
    """Utah Code 63G-1-301(1)(f): the 19th if a Monday, the Monday before from Tuesday to Friday, the one after at a weekend."""
    day = date(year, 6, 19)
    return [day, day + timedelta(7 - day.weekday()) if day.weekday() > FRI else day - timedelta(day.weekday())]


# Days in lieu: which of them an actual day at a weekend brings. The actual day stays a holiday.
NONE, SAT_FRI_SUN_MON, SUN_MON, NEXT_WORKDAY = "none", "Saturday to Friday, Sunday to Monday", "Sunday to Monday", \
    "weekend to the next weekday that is free"

NEW_YEAR, CHRISTMAS, BOXING = on(1, 1), on(12, 25), on(12, 26)
GOOD_FRIDAY, EASTER_MONDAY = easter(-2), easter(1)
THANKSGIVING = nth(4, 3, 11)

US_COMMON = {
    "New Year's Day": NEW_YEAR, "Martin Luther King Jr. Day": nth(3, MON, 1), "Washington's Birthday": nth(3, MON, 2),
    "Memorial Day": last(MON, 5), "Independence Day": on(7, 4), "Labor Day": nth(1, MON, 9),
    "Veterans Day": on(11, 11), "Thanksgiving Day": THANKSGIVING, "Christmas Day": CHRISTMAS,
}
COLUMBUS, JUNETEENTH = {"Columbus Day": nth(2, MON, 10)}, {"Juneteenth": on(6, 19)}

UNITED_STATES = [
    ("US", "5 USC 6103", SAT_FRI_SUN_MON, {**US_COMMON, **COLUMBUS, **JUNETEENTH}),
    ("US-AL", "Code of Alabama 1-3-8", SAT_FRI_SUN_MON, {
        **US_COMMON, **COLUMBUS, **JUNETEENTH, "Mardi Gras (Mobile and Baldwin Counties)": easter(-47),
        "Confederate Memorial Day": nth(4, MON, 4), "Jefferson Davis' Birthday": nth(1, MON, 6)}),
    ("US-LA", "La. RS 1:55", SAT_FRI_SUN_MON, {
        **US_COMMON, **COLUMBUS, **JUNETEENTH, "Battle of New Orleans": on(1, 8), "Mardi Gras": easter(-47),
        "Good Friday": GOOD_FRIDAY, "Juneteenth (third Saturday)": nth(3, 5, 6), "Huey P. Long Day": on(8, 30),
        "All Saints' Day": on(11, 1), "General Election Day": election,
        "Acadian Day": lambda year: THANKSGIVING(year) + timedelta(1)}),
    ("US-MS", "Miss. Code 3-3-7", SUN_MON, {**US_COMMON, **JUNETEENTH, "Confederate Memorial Day": last(MON, 4)}),
    ("US-NE", "Neb. Rev. Stat. 62-301", SAT_FRI_SUN_MON, {
        **US_COMMON, **COLUMBUS, **JUNETEENTH, "Arbor Day": last(FRI, 4),
        "Day after Thanksgiving": lambda year: THANKSGIVING(year) + timedelta(1)}),
    ("US-PA", "44 P.S. 11; Act 52 of 2019", SUN_MON, {
        **US_COMMON, **COLUMBUS, **JUNETEENTH, "Lincoln's Birthday": on(2, 12), "Good Friday": GOOD_FRIDAY,
        "Flag Day": on(6, 14), "Election Day": lambda year: nth(1, MON, 11)(year) + timedelta(1)}),
    ("US-RI", "R.I. Gen. Laws 25-1-1", SUN_MON, {
        **US_COMMON, **COLUMBUS, **JUNETEENTH, "Rhode Island Independence Day": on(5, 4), "Victory Day": nth(2, MON, 8),
        "General Election Day": election}),
    ("US-UT", "Utah Code 63G-1-301", SAT_FRI_SUN_MON, {
        **US_COMMON, **COLUMBUS, "Juneteenth": utah_juneteenth, "Pioneer Day": on(7, 24)}),
]

CANADA_COMMON = {"New Year's Day": NEW_YEAR, "Good Friday": GOOD_FRIDAY, "Canada Day": on(7, 1), "Labour Day": nth(1, MON, 9),
                 "Christmas Day": CHRISTMAS}
VICTORIA, CIVIC = before(MON, 5, 25), nth(1, MON, 8)
THANKS, REMEMBRANCE = {"Thanksgiving": nth(2, MON, 10)}, {"Remembrance Day": on(11, 11)}
VICTORIA_DAY, RECONCILIATION = {"Victoria Day": VICTORIA}, {"National Day for Truth and Reconciliation": on(9, 30)}
FAMILY = nth(3, MON, 2)
INDIGENOUS = {"National Indigenous Peoples Day": on(6, 21)}

CANADA = [
    ("CA", "Canada Labour Code, s. 166; Holidays Act", NEXT_WORKDAY, {
        **CANADA_COMMON, **VICTORIA_DAY, **RECONCILIATION, **THANKS, **REMEMBRANCE, "Boxing Day": BOXING}),
    ("CA-AB", "Employment Standards Code, RSA 2000 c E-9, s. 25", NEXT_WORKDAY, {
        **CANADA_COMMON, **VICTORIA_DAY, **THANKS, **REMEMBRANCE, "Alberta Family Day": FAMILY}),
    ("CA-BC", "Employment Standards Act, RSBC 1996 c 113, s. 1", NEXT_WORKDAY, {
        **CANADA_COMMON, **VICTORIA_DAY, **RECONCILIATION, **THANKS, **REMEMBRANCE, "Family Day": FAMILY,
        "British Columbia Day": CIVIC}),
    ("CA-MB", "Employment Standards Code, CCSM c E110, s. 21", NEXT_WORKDAY, {
        **CANADA_COMMON, **VICTORIA_DAY, **THANKS, **REMEMBRANCE, "Louis Riel Day": FAMILY, "Terry Fox Day": CIVIC,
        "Orange Shirt Day": on(9, 30)}),
    ("CA-NB", "Employment Standards Act, RSNB c E-7.2", NEXT_WORKDAY, {
        **CANADA_COMMON, **VICTORIA_DAY, **RECONCILIATION, **THANKS, **REMEMBRANCE, "Family Day": FAMILY,
        "New Brunswick Day": CIVIC, "Boxing Day": BOXING}),
    ("CA-NL", "Labour Standards Act, RSNL c L-2, s. 14", NEXT_WORKDAY, {**CANADA_COMMON, **REMEMBRANCE}),
    ("CA-NS", "Labour Standards Code, RSNS c 246; Remembrance Day Act", NEXT_WORKDAY, {
        **CANADA_COMMON, **REMEMBRANCE, "Heritage Day": FAMILY}),
    ("CA-NT", "Employment Standards Act, SNWT 2007 c 13", NEXT_WORKDAY, {
        **CANADA_COMMON, **VICTORIA_DAY, **INDIGENOUS, **RECONCILIATION, **THANKS, **REMEMBRANCE, "Civic Holiday": CIVIC}),
    ("CA-NU", "Labour Standards Act, RSNWT (Nu) c L-1", NEXT_WORKDAY, {
        **CANADA_COMMON, **VICTORIA_DAY, **RECONCILIATION, **THANKS, **REMEMBRANCE, "Nunavut Day": on(7, 9),
        "Civic Holiday": CIVIC}),
    ("CA-ON", "Employment Standards Act, SO 2000 c 41, s. 1", NEXT_WORKDAY, {
        **CANADA_COMMON, **VICTORIA_DAY, **THANKS, "Family Day": FAMILY, "Boxing Day": BOXING}),
    ("CA-PE", "Employment Standards Act, RSPEI c E-6.2", NEXT_WORKDAY, {
        **CANADA_COMMON, **RECONCILIATION, **REMEMBRANCE, "Islander Day": FAMILY}),
    ("CA-QC", "Act respecting labour standards, c N-1.1, s. 60; National Holiday Act", NEXT_WORKDAY, {
        **CANADA_COMMON, **THANKS, "Easter Monday": EASTER_MONDAY, "National Patriots' Day": VICTORIA,
        "National Holiday": on(6, 24)}),
    ("CA-SK", "Saskatchewan Employment Act, s. 2-30", NEXT_WORKDAY, {
        **CANADA_COMMON, **VICTORIA_DAY, **THANKS, **REMEMBRANCE, "Family Day": FAMILY, "Saskatchewan Day": CIVIC}),
    ("CA-YT", "Employment Standards Act, RSY 2002 c 72", NEXT_WORKDAY, {
        **CANADA_COMMON, **VICTORIA_DAY, **INDIGENOUS, **RECONCILIATION, **THANKS, **REMEMBRANCE,
        "Discovery Day": nth(3, MON, 8)}),
]

BRITAIN_COMMON = {"New Year's Day": NEW_YEAR, "Good Friday": GOOD_FRIDAY, "Early May Bank Holiday": nth(1, MON, 5),
                  "Spring Bank Holiday": last(MON, 5), "Christmas Day": CHRISTMAS, "Boxing Day": BOXING}
SUMMER = {"Easter Monday": EASTER_MONDAY, "Summer Bank Holiday": last(MON, 8)}
BRITAIN_LAW = "Banking and Financial Dealings Act 1971, Schedule 1"
BRITAIN = [
    ("GB-ENG", BRITAIN_LAW, NEXT_WORKDAY, {**BRITAIN_COMMON, **SUMMER}),
    ("GB-NIR", BRITAIN_LAW, NEXT_WORKDAY, {
        **BRITAIN_COMMON, **SUMMER, "Saint Patrick's Day": on(3, 17), "Battle of the Boyne": on(7, 12)}),
    ("GB-SCT", f"{BRITAIN_LAW}; proclamation of the football World Cup's bank holiday", NEXT_WORKDAY, {
        **BRITAIN_COMMON, "2nd January": on(1, 2), "Summer Bank Holiday": nth(1, MON, 8), "Saint Andrew's Day": on(11, 30),
        "World Cup Bank Holiday": listed("2026-06-15")}),
    ("GB-WLS", BRITAIN_LAW, NEXT_WORKDAY, {**BRITAIN_COMMON, **SUMMER}),
]

# Days in lieu of Anzac Day are not observed nationally, so Anzac Day has its own rules in the states.
AUSTRALIA_COMMON = {"New Year's Day": NEW_YEAR, "Australia Day": on(1, 26), "Good Friday": GOOD_FRIDAY,
                    "Easter Monday": EASTER_MONDAY, "Christmas Day": CHRISTMAS, "Boxing Day": BOXING}
ANZAC = {"Anzac Day": on(4, 25)}
KINGS_JUNE, EASTER_SUNDAY = {"King's Birthday": nth(2, MON, 6)}, {"Easter Sunday": easter(0)}
EASTER_WEEKEND = {"Easter Saturday": easter(-1), **EASTER_SUNDAY}


def anzac_monday(year):
    """The Monday after an Anzac Day at a weekend."""
    day = date(year, 4, 25)
    return [day + timedelta(7 - day.weekday())] if day.weekday() > FRI else []


def anzac_sunday(year):
    """The Monday after an Anzac Day on a Sunday."""
    day = date(year, 4, 25)
    return [day + timedelta(1)] if day.weekday() == 6 else []


AUSTRALIA = [
    ("AU", "Telemarketing and Research Calls Industry Standard 2017, s. 5", NEXT_WORKDAY, {
        **AUSTRALIA_COMMON, "Easter Sunday": since(2027, easter(0))}),
    ("AU-ACT", "Holidays Act 1958 (ACT)", NEXT_WORKDAY, {
        **AUSTRALIA_COMMON, **EASTER_WEEKEND, **KINGS_JUNE, "Anzac Day (additional)": anzac_monday,
        "Canberra Day": nth(2, MON, 3), "Reconciliation Day": on_or_after(MON, 5, 27), "Labour Day": nth(1, MON, 10)}),
    ("AU-NSW", "Public Holidays Act 2010 (NSW); orders for 2026 and 2027", NEXT_WORKDAY, {
        **AUSTRALIA_COMMON, **EASTER_WEEKEND, **KINGS_JUNE, "Anzac Day (additional)": listed("2026-04-27", "2027-04-26"),
        "Labour Day": nth(1, MON, 10)}),
    ("AU-NT", "Public Holidays Act 1981 (NT)", NEXT_WORKDAY, {
        **AUSTRALIA_COMMON, **EASTER_WEEKEND, **KINGS_JUNE, "Anzac Day (additional)": anzac_sunday,
        "May Day": nth(1, MON, 5), "Picnic Day": nth(1, MON, 8), "Christmas Eve (from 19:00)": on(12, 24),
        "New Year's Eve (from 19:00)": on(12, 31)}),
    ("AU-QLD", "Holidays Act 1983 (Qld)", NEXT_WORKDAY, {
        **AUSTRALIA_COMMON, **EASTER_WEEKEND, "Anzac Day (additional)": anzac_sunday, "Labour Day": nth(1, MON, 5),
        "Royal Queensland Show (Brisbane)": listed("2025-08-13", "2026-08-12", "2027-08-11", "2028-08-16", "2029-08-15",
                                                   "2030-08-14"),
        "King's Birthday": nth(1, MON, 10), "Christmas Eve (from 18:00)": on(12, 24)}),
    ("AU-SA", "Public Holidays Act 2023 (SA)", NEXT_WORKDAY, {
        **AUSTRALIA_COMMON, **EASTER_WEEKEND, **KINGS_JUNE, "Anzac Day (additional)": anzac_sunday,
        "Adelaide Cup Day": nth(2, MON, 3), "Labour Day": nth(1, MON, 10), "Christmas Eve (from 19:00)": on(12, 24),
        "New Year's Eve (from 19:00)": on(12, 31)}),
    ("AU-TAS", "Statutory Holidays Act 2000 (Tas)", NEXT_WORKDAY, {
        **AUSTRALIA_COMMON, **KINGS_JUNE, "Easter Sunday": since(2027, easter(0)), "Royal Hobart Regatta (south)": nth(2, MON, 2), "Eight Hours Day": nth(2, MON, 3),
        "Easter Tuesday (public service)": easter(2), "Recreation Day (north)": nth(1, MON, 11)}),
    ("AU-VIC", "Public Holidays Act 1993 (Vic); the Friday before the football final by gazette, later years by its rule",
     NEXT_WORKDAY, {
        **AUSTRALIA_COMMON, **EASTER_WEEKEND, **KINGS_JUNE, "Labour Day": nth(2, MON, 3),
        "Friday before the AFL Grand Final": last(FRI, 9), "Melbourne Cup": nth(1, TUE, 11)}),
    ("AU-WA", "Public and Bank Holidays Act 1972 (WA)", NEXT_WORKDAY, {
        **AUSTRALIA_COMMON, **EASTER_SUNDAY, "Anzac Day (additional)": anzac_monday, "Labour Day": nth(1, MON, 3),
        "Western Australia Day": nth(1, MON, 6), "King's Birthday": last(MON, 9)}),
]

NEW_ZEALAND = [
    ("NZ", "Holidays Act 2003, s. 44; Te Kahui o Matariki Public Holiday Act 2022, Schedule 1", NEXT_WORKDAY, {
        "New Year's Day": NEW_YEAR, "Day after New Year's Day": on(1, 2), "Waitangi Day": on(2, 6), "Good Friday": GOOD_FRIDAY,
        "Easter Monday": EASTER_MONDAY, "Anzac Day": on(4, 25), "King's Birthday": nth(1, MON, 6),
        "Matariki": listed("2025-06-20", "2026-07-10", "2027-06-25", "2028-07-14", "2029-07-06", "2030-06-21"),
        "Labour Day": nth(4, MON, 10), "Christmas Day": CHRISTMAS, "Boxing Day": BOXING}),
]

EUROPE = [
    ("DE", "laws of the sixteen states; Unification Treaty, art. 2", NONE, {
        "New Year's Day": NEW_YEAR, "Good Friday": GOOD_FRIDAY, "Easter Monday": EASTER_MONDAY, "Labour Day": on(5, 1),
        "Ascension Day": easter(39), "Whit Monday": easter(50), "German Unity Day": on(10, 3), "Christmas Day": CHRISTMAS,
        "Second Day of Christmas": BOXING}),
    ("ES", "Real Decreto 2001/1983, art. 45", NONE, {
        "New Year's Day": NEW_YEAR, "Epiphany": on(1, 6), "Holy Thursday": easter(-3), "Good Friday": GOOD_FRIDAY,
        "Labour Day": on(5, 1), "Assumption Day": on(8, 15), "National Day": on(10, 12), "All Saints' Day": on(11, 1),
        "Constitution Day": on(12, 6), "Immaculate Conception": on(12, 8), "Christmas Day": CHRISTMAS}),
    ("FR", "Code du travail, L3133-1", NONE, {
        "New Year's Day": NEW_YEAR, "Easter Monday": EASTER_MONDAY, "Labour Day": on(5, 1), "Victory Day": on(5, 8),
        "Ascension Day": easter(39), "Whit Monday": easter(50), "Bastille Day": on(7, 14), "Assumption Day": on(8, 15),
        "All Saints' Day": on(11, 1), "Armistice Day": on(11, 11), "Christmas Day": CHRISTMAS}),
    ("IT", "legge 260/1949; legge 151/2025 for 4 October", NONE, {
        "New Year's Day": NEW_YEAR, "Epiphany": on(1, 6), "Easter Sunday": easter(0), "Easter Monday": EASTER_MONDAY,
        "Liberation Day": on(4, 25), "Labour Day": on(5, 1), "Republic Day": on(6, 2), "Assumption Day": on(8, 15),
        "Saint Francis of Assisi": since(2026, on(10, 4)), "All Saints' Day": on(11, 1), "Immaculate Conception": on(12, 8),
        "Christmas Day": CHRISTMAS, "Saint Stephen's Day": BOXING}),
]

FILES = {"us": UNITED_STATES, "ca": CANADA, "gb": BRITAIN, "au": AUSTRALIA, "nz": NEW_ZEALAND, "eu": EUROPE}
# Days that have no day in lieu, or whose days in lieu are rules of their own.
NOT_MOVED = {"Anzac Day", "Easter Saturday", "Easter Sunday", "Juneteenth (third Saturday)", "Christmas Eve (from 19:00)",
             "Christmas Eve (from 18:00)", "New Year's Eve (from 19:00)"}
MOVED_ANZAC = {"NZ"}
for _calendar, _law, _lieu, _days in AUSTRALIA:
    _days.update(ANZAC)
