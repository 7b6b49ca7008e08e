//! The fields of a contact as files and mappings name them: limits, columns and what a header means.
use std::borrow::Cow;

use crate::device::{DeviceKind, MAX_DEVICES};
use crate::enumerations::ContactType;

/// The most `Other` fields (`Other1` to `Other100`).
pub const MAX_OTHERS: usize = 100;

/// A field of a contact that a column of a file can feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ContactField {
    /// Given name.
    FirstName,
    /// Family name.
    LastName,
    /// Company.
    Company,
    /// The customer's own key of the contact.
    ClientId,
    /// A phone number or an email address, 1 to 10.
    Device(u8),
    /// A custom field by number, 1 to 100.
    Other(u8),
    /// Country: ISO 3166-1 code (or a name, for whoever resolves it).
    Country,
    /// State or region.
    State,
    /// Postal code.
    PostalCode,
    /// IANA time zone.
    TimeZone,
}

/// Text against a field's limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fit<'a> {
    /// Within the limit.
    Whole(&'a str),
    /// Longer than the limit: the part that fits.
    Cut(&'a str),
}

impl ContactField {
    /// The longest value in characters.
    pub fn limit(self) -> usize {
        match self {
            Self::FirstName | Self::LastName | Self::Company | Self::ClientId => 64,
            Self::Country | Self::State | Self::TimeZone => 64,
            Self::Device(_) => 128,
            Self::Other(_) => 256,
            Self::PostalCode => 16,
        }
    }

    /// Whether a value over the limit rejects its line; in other fields it is cut with a warning.
    pub fn rejects_over_limit(self) -> bool {
        matches!(self, Self::ClientId | Self::Device(_))
    }

    /// The value, cut to the limit where it is longer.
    pub fn fit(self, text: &str) -> Fit<'_> {
        let limit = self.limit();
        if text.len() <= limit {
            return Fit::Whole(text);
        }
        match text.char_indices().nth(limit) {
            Some((end, _)) => Fit::Cut(&text[..end]),
            None => Fit::Whole(text),
        }
    }

    /// The system column of the field, as rules name it.
    pub fn column(self) -> Cow<'static, str> {
        match self {
            Self::FirstName => "c_first_name".into(),
            Self::LastName => "c_last_name".into(),
            Self::Company => "c_company".into(),
            Self::ClientId => "c_client_id".into(),
            Self::Device(_) => "contact_info".into(),
            Self::Other(n) => format!("c_other{n}").into(),
            Self::Country => "c_country_code_iso".into(),
            Self::State => "c_state_code".into(),
            Self::PostalCode => "c_postal_code".into(),
            Self::TimeZone => "c_tz_name".into(),
        }
    }

    /// The name of the field in mapping documents: `firstName`, `device1`, `other7`.
    pub fn key(self) -> Cow<'static, str> {
        match self {
            Self::FirstName => "firstName".into(),
            Self::LastName => "lastName".into(),
            Self::Company => "company".into(),
            Self::ClientId => "clientId".into(),
            Self::Device(n) => format!("device{n}").into(),
            Self::Other(n) => format!("other{n}").into(),
            Self::Country => "country".into(),
            Self::State => "state".into(),
            Self::PostalCode => "postalCode".into(),
            Self::TimeZone => "timeZone".into(),
        }
    }

    /// The field that a mapping or a specification names: its key, its column or its plain name,
    /// ignoring case, spaces, underscores and hyphens.
    pub fn from_key(key: &str) -> Option<Self> {
        let name = normalise_header(key);
        let name = name.strip_prefix('c').filter(|_| key.trim_start().starts_with("c_")).unwrap_or(&name);
        Some(match name {
            "firstname" => Self::FirstName,
            "lastname" => Self::LastName,
            "company" | "companyname" => Self::Company,
            "clientid" => Self::ClientId,
            "country" | "countrycode" | "countrycodeiso" => Self::Country,
            "state" | "statecode" | "region" => Self::State,
            "postalcode" | "postcode" | "zip" => Self::PostalCode,
            "timezone" | "tz" | "tzname" => Self::TimeZone,
            _ => {
                let (base, number) = split_number(name)?;
                match base {
                    "device" if (1..=MAX_DEVICES).contains(&number) => Self::Device(u8::try_from(number).ok()?),
                    "other" if (1..=MAX_OTHERS).contains(&number) => Self::Other(u8::try_from(number).ok()?),
                    _ => return None,
                }
            }
        })
    }
}

/// What a header tells of a device column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DeviceHint {
    /// Phone or email, where the header says so.
    pub kind: Option<DeviceKind>,
    /// What the device is for.
    pub contact_type: ContactType,
}

impl Default for DeviceHint {
    fn default() -> Self {
        Self { kind: None, contact_type: ContactType::None }
    }
}

/// What a header means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeaderMeaning {
    /// This field.
    Field(ContactField),
    /// A device that takes the next free position.
    AnyDevice(DeviceHint),
}

/// A header without case, accents, spaces, underscores, hyphens and other signs: `E-Mail Adresse` is
/// `emailadresse`.
pub fn normalise_header(header: &str) -> String {
    let mut out = String::with_capacity(header.len());
    for c in header.chars().flat_map(char::to_lowercase) {
        match c {
            'à'..='å' | 'ā' | 'ă' | 'ą' => out.push('a'),
            'ç' | 'ć' | 'č' => out.push('c'),
            'è'..='ë' | 'ē' | 'ė' | 'ę' | 'ě' => out.push('e'),
            'ì'..='ï' | 'ī' => out.push('i'),
            'ñ' | 'ń' | 'ň' => out.push('n'),
            'ò'..='ö' | 'ø' | 'ő' => out.push('o'),
            'ù'..='ü' | 'ū' | 'ů' | 'ű' => out.push('u'),
            'ý' | 'ÿ' => out.push('y'),
            'ł' => out.push('l'),
            'ś' | 'š' => out.push('s'),
            'ź' | 'ż' | 'ž' => out.push('z'),
            'ß' => out.push_str("ss"),
            c if c.is_alphanumeric() => out.push(c),
            _ => {}
        }
    }
    out
}

/// What a header means to a contact, if anything.
pub fn header_meaning(header: &str) -> Option<HeaderMeaning> {
    let name = normalise_header(header);
    if let Some(field) = ContactField::from_key(header) {
        return Some(HeaderMeaning::Field(field));
    }
    exact_meaning(&name).or_else(|| {
        let rest = QUALIFIERS.iter().find_map(|q| name.strip_prefix(q)).filter(|rest| !rest.is_empty())?;
        ContactField::from_key(rest).map(HeaderMeaning::Field).or_else(|| exact_meaning(rest))
    })
}

/// Words before a name that add nothing: "customer first name", "primary phone".
const QUALIFIERS: &[&str] =
    &["customer", "contact", "client", "primary", "secondary", "main", "lead", "subscriber", "recipient", "kunden"];

fn exact_meaning(name: &str) -> Option<HeaderMeaning> {
    if let Some((_, field)) = FIELD_ALIASES.iter().find(|(names, _)| is_one_of(names, name)) {
        return Some(HeaderMeaning::Field(*field));
    }
    let base = name.trim_end_matches(|c: char| c.is_ascii_digit());
    let found = DEVICE_ALIASES.iter().find(|(names, ..)| is_one_of(names, base));
    found.map(|&(_, kind, contact_type)| HeaderMeaning::AnyDevice(DeviceHint { kind, contact_type }))
}

fn split_number(name: &str) -> Option<(&str, usize)> {
    let base = name.trim_end_matches(|c: char| c.is_ascii_digit());
    let number = name.get(base.len()..)?;
    (number.len() <= 3).then_some(())?;
    Some((base, number.parse().ok()?))
}

/// Header names as `normalise_header` leaves them, separated by spaces.
const FIELD_ALIASES: &[(&str, ContactField)] = &[
    (
        "givenname given forename first fname vorname prenom nombre nome voornaam imie fornavn fornamn etunimi prenume \
         jmeno",
        ContactField::FirstName,
    ),
    (
        "familyname surname last lname secondname nachname familienname nom nomdefamille apellido apellidos cognome \
         sobrenome achternaam nazwisko etternavn efternavn efternamn sukunimi prijmeni",
        ContactField::LastName,
    ),
    (
        "organisation organization org business businessname employer firma unternehmen societe entreprise empresa \
         azienda bedrijf firm accountname",
        ContactField::Company,
    ),
    (
        "customerid customerno customernumber clientno clientnumber clientref account accountid accountno accountnumber \
         acct acctno acctnum acctid contactid subscriberid memberid externalid reference ref refno id uid crmid \
         kundennummer kundennr kundenid numeroclient idclient idcliente numerocliente codicecliente klantnummer leadid \
         userid personid",
        ContactField::ClientId,
    ),
    ("countryiso iso iso2 isocountry countryname nation land pays pais paese kraj landcode", ContactField::Country),
    (
        "province prov provincestate stateprovince stateregion bundesland etat estado provincia county kanton canton \
         usstate",
        ContactField::State,
    ),
    (
        "zipcode postal zippostal zippostalcode plz postleitzahl codepostal cp codigopostal cap codicepostale cep \
         postnummer kodpocztowy pincode eircode",
        ContactField::PostalCode,
    ),
    ("timezonename tzid iana zeitzone fuseauhoraire zonahoraria fusoorario", ContactField::TimeZone),
];

/// Header names (without a trailing number), what they say of the kind, and the contact type.
const DEVICE_ALIASES: &[(&str, Option<DeviceKind>, ContactType)] = &[
    ("device contactinfo contactdevice destination", None, ContactType::None),
    (
        "phone phoneno phonenumber phonenum telephone telephoneno telephonenumber tel telno telnumber telefon \
         telefonnummer telefono telefoon telefone fon rufnummer number phonee e164 contactnumber contactno homephone \
         phonehome home hometel telhome homenumber telefonprivat landline festnetz fixe telephonefixe telefonofijo ani \
         puhelin dialnumber callnumber phoneprimary altphone alternatephone otherphone phonealt",
        Some(DeviceKind::Phone),
        ContactType::HomePhone,
    ),
    (
        "workphone phonework work worktel telwork worknumber businessphone businesstel officephone office phoneoffice \
         directphone telefongeschaeftlich telefonarbeit telephonebureau telpro telefonotrabajo dayphone daytimephone",
        Some(DeviceKind::Phone),
        ContactType::DirectBusinessPhone,
    ),
    (
        "mobile mobileno mobilenumber mobilephone mobilephonenumber phonemobile telmobile cell cellno cellnumber \
         cellphone cellphonenumber cellular phonecell mob mobno handy handynummer mobil mobiltelefon mobilnummer mobiel \
         portable telephoneportable movil telefonomovil celular cellulare gsm gsmnumber msisdn sms smsnumber whatsapp \
         komorka telefonmobil",
        Some(DeviceKind::Phone),
        ContactType::Mobile,
    ),
    (
        "email mail emailaddress emailaddr mailaddress emailid emailadresse mailadresse adressemail adresseemail \
         courriel correo correoelectronico emailhome emailwork workemail homeemail businessemail epost eposta \
         sahkoposti emailprimary",
        Some(DeviceKind::Email),
        ContactType::EMail,
    ),
];

fn is_one_of(names: &str, name: &str) -> bool {
    !name.is_empty() && names.split_ascii_whitespace().any(|n| n == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(header: &str) -> Option<ContactField> {
        match header_meaning(header)? {
            HeaderMeaning::Field(field) => Some(field),
            HeaderMeaning::AnyDevice(_) => None,
        }
    }

    #[test]
    fn headers_ignore_case_accents_and_signs() {
        assert_eq!(field("First Name"), Some(ContactField::FirstName));
        assert_eq!(field(" GIVEN_NAME "), Some(ContactField::FirstName));
        assert_eq!(field("Prénom"), Some(ContactField::FirstName));
        assert_eq!(field("customer-id"), Some(ContactField::ClientId));
        assert_eq!(field("PLZ"), Some(ContactField::PostalCode));
        assert_eq!(field("Time Zone"), Some(ContactField::TimeZone));
        assert_eq!(field("Other 12"), Some(ContactField::Other(12)));
        assert_eq!(field("c_other7"), Some(ContactField::Other(7)));
        assert_eq!(field("Device 10"), Some(ContactField::Device(10)));
        assert_eq!(field("Customer First Name"), Some(ContactField::FirstName));
    }

    #[test]
    fn what_is_out_of_range_or_unheard_of_is_no_field() {
        for header in ["device11", "device0", "other101", "shoe size", "", "0"] {
            assert_eq!(field(header), None, "{header}");
        }
    }

    #[test]
    fn device_headers_tell_their_kind() {
        let hint = |header: &str| match header_meaning(header) {
            Some(HeaderMeaning::AnyDevice(hint)) => (hint.kind, hint.contact_type),
            other => panic!("{header}: {other:?}"),
        };
        assert_eq!(hint("Mobile"), (Some(DeviceKind::Phone), ContactType::Mobile));
        assert_eq!(hint("Phone 2"), (Some(DeviceKind::Phone), ContactType::HomePhone));
        assert_eq!(hint("Primary E-Mail"), (Some(DeviceKind::Email), ContactType::EMail));
        assert_eq!(hint("contact_info"), (None, ContactType::None));
    }

    #[test]
    fn text_is_cut_at_a_character_not_a_byte() {
        let long = "ü".repeat(70);
        assert_eq!(ContactField::FirstName.fit(&long), Fit::Cut(&long[..128]));
        let full = "ü".repeat(64);
        assert_eq!(ContactField::FirstName.fit(&full), Fit::Whole(full.as_str()));
    }

    #[test]
    fn every_field_is_found_by_its_key_and_its_column() {
        use ContactField::*;
        for f in [FirstName, LastName, Company, ClientId, Device(3), Other(100), Country, State, PostalCode, TimeZone] {
            assert_eq!(ContactField::from_key(&f.key()), Some(f));
            if !matches!(f, Device(_)) {
                assert_eq!(ContactField::from_key(&f.column()), Some(f));
            }
        }
    }
}
