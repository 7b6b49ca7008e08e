"""County to zone in the split states of the US, by hand from 49 CFR part 71 and local use (2026-11-22).

A county on both sides of a boundary, or one that keeps another time than the law says, has both zones.
"""

from regions import ADAK, ANC, BOISE, C, E, M, P, PHX

DETROIT, INDY = "America/Detroit", "America/Indiana/Indianapolis"

# state: (zones of the other counties, {zones: counties})
SPLIT = {
    "FL": ([E], {(C,): "Escambia|Santa Rosa|Okaloosa|Walton|Holmes|Washington|Bay|Jackson|Calhoun", (C, E): "Gulf"}),
    "ID": ([BOISE], {(P,): "Boundary|Bonner|Kootenai|Benewah|Shoshone|Latah|Clearwater|Nez Perce|Lewis",
                     (P, BOISE): "Idaho"}),
    "IN": ([INDY], {(C,): "Lake|Porter|LaPorte|La Porte|Newton|Jasper|Starke|Gibson|Posey|Vanderburgh|Warrick|Spencer|Perry"}),
    "KS": ([C], {(M,): "Sherman|Wallace|Greeley|Hamilton"}),
    "KY": ([E], {(C,): "Adair|Allen|Ballard|Barren|Breckinridge|Butler|Caldwell|Calloway|Carlisle|Christian|Clinton|"
                       "Crittenden|Cumberland|Daviess|Edmonson|Fulton|Graves|Grayson|Green|Hancock|Hart|Henderson|Hickman|"
                       "Hopkins|Livingston|Logan|Lyon|Marshall|McCracken|McLean|Metcalfe|Monroe|Muhlenberg|Ohio|Russell|"
                       "Simpson|Todd|Trigg|Union|Warren|Webster"}),
    "MI": ([DETROIT], {(C,): "Gogebic|Iron|Dickinson|Menominee"}),
    "NE": ([C], {(M,): "Arthur|Banner|Box Butte|Chase|Cheyenne|Dawes|Deuel|Dundy|Garden|Grant|Hooker|Keith|Kimball|"
                       "Morrill|Perkins|Scotts Bluff|Sheridan|Sioux", (C, M): "Cherry"}),
    "ND": ([C], {(M,): "Adams|Billings|Bowman|Golden Valley|Grant|Hettinger|Slope|Stark",
                 (C, M): "McKenzie|Dunn|Sioux"}),
    "OR": ([P], {(BOISE, P): "Malheur"}),
    "SD": ([C], {(M,): "Bennett|Butte|Corson|Custer|Dewey|Fall River|Haakon|Harding|Jackson|Lawrence|Meade|Pennington|"
                       "Perkins|Shannon|Oglala Lakota|Ziebach", (C, M): "Stanley"}),
    "TN": ([C], {(E,): "Anderson|Blount|Bradley|Campbell|Carter|Claiborne|Cocke|Grainger|Greene|Hamblen|Hamilton|Hancock|"
                       "Hawkins|Jefferson|Johnson|Knox|Loudon|McMinn|Meigs|Monroe|Morgan|Polk|Rhea|Roane|Scott|Sevier|"
                       "Sullivan|Unicoi|Union|Washington"}),
    "TX": ([C], {(M,): "El Paso|Hudspeth", (C, M): "Culberson"}),
    "AK": ([ANC], {(ANC, ADAK): "Aleutians West"}),
    # The Navajo Nation keeps daylight saving, the rest of Arizona does not.
    "AZ": ([PHX], {(PHX, M): "Apache|Navajo|Coconino"}),
    # West Wendover by law, Jackpot, Owyhee and Mountain City by use.
    "NV": ([P], {(P, M): "Elko"}),
    # Phenix City, Valley and Lanett keep the time of Georgia.
    "AL": ([C], {(C, E): "Russell|Lee|Chambers"}),
    # Kenton keeps the time of New Mexico.
    "OK": ([C], {(C, M): "Cimarron"}),
}

# ZIPs in no census area of the table. Whole groups of three digits: USPS, Publication 65 and labelling lists.
EXTRA = {
    "006": ("PR", ["America/Puerto_Rico"]), "007": ("PR", ["America/Puerto_Rico"]), "009": ("PR", ["America/Puerto_Rico"]),
    "008": ("VI", ["America/St_Thomas"]), "96799": ("AS", ["Pacific/Pago_Pago"]),
    **{f"969{n}": ("GU", ["Pacific/Guam"]) for n in ("1", "2", "30", "31", "32")},
    **{f"969{n}": ("MP", ["Pacific/Saipan"]) for n in ("50", "51", "52")},
    "055": ("MA", [E]), "192": ("PA", [E]), "203": ("DC", [E]), "204": ("DC", [E]), "205": ("DC", [E]), "202": ("DC", [E]),
    "311": ("GA", [E]), "399": ("GA", [E]), "332": ("FL", [E]), "375": ("TN", [C]), "509": ("IA", [C]), "555": ("MN", [C]),
    "569": ("DC", [E]), "645": ("MO", [C]), "649": ("MO", [C]), "733": ("TX", [C]), "753": ("TX", [C]), "772": ("TX", [C]),
    "842": ("UT", [M]), "885": ("TX", [M]), "901": ("CA", [P]), "942": ("CA", [P]), "946": ("CA", [P]), "889": ("NV", [P]),
    "479": ("IN", [INDY]), "528": ("IA", [C]), "872": ("NM", [M]), "938": ("CA", [P]), "987": ("WA", [P]), "149": ("NY", [E]),
    "005": ("NY", [E]), "876": ("NM", [M]), "888": ("DC", [E]), "364": ("AL", [C]), "388": ("MS", [C]), "223": ("VA", [E]), "353": ("AL", [C]),
    "459": ("OH", [E]), "483": ("MI", [DETROIT]), "502": ("IA", [C]), "702": ("LA", [C]), "944": ("CA", [P]), "659": ("AL", [C]),
}


def zones_of(state, county):
    """The zones of a county as the census names it ("Gulf County")."""
    others, exceptions = SPLIT[state]
    for zones, names in exceptions.items():
        for name in names.split("|"):
            if county == name or county.startswith((f"{name} County", f"{name} Census Area")):
                return list(zones)
    return others

# ZIPs that lie in several counties, of which the census table names one: the other zone and the other state
# are added. Each was found by comparing with two references and is a fact of 49 CFR 71 and the USPS city list.
BOTH_ZONES = {
    E: "37377 37379 37419 42528", C: "38504 40176 42712 42728 42764 47640 47978 49831 49947 58638 69169",
    M: "57521 58625 58636 59275 67878 69045 69216 88430",
    INDY: "46511 46563 46574 46960 47118 47137 47513 47532 47541", DETROIT: "49807",
}
BOTH_STATES = """20135:VA 20588:MD 20598:VA 24604:VA 42223:KY 42602:KY 51001:IA 51023:IA 51360:IA 51557:IA 51640:IA 52542:IA
52573:IA 52626:IA 56144:MN 56164:MN 56219:MN 56744:MN 57717:SD 58439:ND 58623:ND 58649:ND 58653:ND 59221:MT 59270:MT
59275:MT 66541:KS 67950:KS 68719:NE 69201:NE 69212:NE 69216:NE 71749:AR 72338:AR 72644:AR 73949:OK 80758:CO 81137:CO
81324:CO 83312:ID 83342:ID 86044:AZ 86504:AZ 86514:AZ 86515:AZ 88063:NM 88220:NM 88430:NM 89421:NV""".split()
