//! Selection rules as SQL: a test on a contact `c`, its devices and, where there is one, its record `r`, with
//! bound values only. It says what `cxc_core::selection::matches` says.
use std::borrow::Cow;

use cxc_core::location::Location;
use cxc_core::selection::{
    Condition, FieldLevel, FieldSource, FieldType, Operator, SelectionRule, custom_name, known_field, normalise,
    number, other_number,
};

use crate::Engine;
use crate::contact::{Contact, Device};

/// The attempts of who was not attempted yet, and the result of that.
const NO_ATTEMPTS: &str = "0";
const UNKNOWN_RESULT: &str = "28";

/// A value that a compiled rule binds.
#[derive(Debug, Clone, PartialEq)]
pub enum Bound {
    /// Text.
    Text(String),
    /// A number.
    Number(f64),
}

/// A rule as SQL. Its parameters start at the number that it was compiled for.
#[derive(Debug, Clone, PartialEq)]
pub struct CompiledRule {
    /// A condition on `c` (contact) and, if it was compiled so, `r` (record).
    pub sql: String,
    /// What to bind, in order.
    pub values: Vec<Bound>,
}

/// Binds the values of a compiled rule to a query, behind what is bound already.
#[macro_export]
macro_rules! bind_rule {
    ($query:expr, $rule:expr) => {{
        let mut query = $query;
        for value in &$rule.values {
            query = match value {
                $crate::selection::Bound::Text(text) => query.bind(text.as_str()),
                $crate::selection::Bound::Number(number) => query.bind(*number),
            };
        }
        query
    }};
}

struct Compiler {
    engine: Engine,
    next: usize,
    records: bool,
    values: Vec<Bound>,
}

impl CompiledRule {
    /// Compiles a valid rule. `first` is the number of its first parameter; with `records` the statement
    /// has the contact's record as `r`, otherwise the fields of records are empty.
    pub fn new(rule: &SelectionRule, engine: Engine, first: usize, records: bool) -> Self {
        let mut compiler = Compiler { engine, next: first, records, values: Vec::new() };
        let sets: Vec<String> = rule.condition_sets.iter().map(|set| compiler.set(set)).collect();
        let sql = if sets.is_empty() { "FALSE".into() } else { format!("({})", sets.join(" OR ")) };
        Self { sql, values: compiler.values }
    }
}

impl Compiler {
    /// A set: its conditions on the contact, and one device that meets all those on devices.
    fn set(&mut self, set: &[Condition]) -> String {
        let of_device = |c: &Condition| known_field(&c.field).is_some_and(|f| f.level == FieldLevel::Device);
        let (devices, contacts): (Vec<_>, Vec<_>) = set.iter().partition(|c| of_device(c));
        let mut parts: Vec<String> = contacts.iter().map(|c| self.condition(c)).collect();
        if !devices.is_empty() {
            let own = "d.generation = c.generation AND d.contact = c.id";
            let tests: Vec<String> = devices.iter().map(|c| self.condition(c)).collect();
            let one = format!("EXISTS (SELECT 1 FROM device d WHERE {own} AND {})", tests.join(" AND "));
            let empty_suits = devices.iter().all(|c| c.operator == Operator::IsEmpty || c.operator.is_negated());
            parts.push(if empty_suits {
                format!("({one} OR NOT EXISTS (SELECT 1 FROM device d WHERE {own}))")
            } else {
                one
            });
        }
        if parts.is_empty() { "FALSE".into() } else { format!("({})", parts.join(" AND ")) }
    }

    fn condition(&mut self, condition: &Condition) -> String {
        let Some(column) = self.column(&condition.field) else {
            let holds = condition.operator == Operator::IsEmpty || condition.operator.is_negated();
            return if holds { "TRUE" } else { "FALSE" }.into();
        };
        let negated = condition.operator.is_negated();
        let test = match condition.operator {
            Operator::IsEmpty => return format!("coalesce(trim({column}), '') = ''"),
            Operator::CustomExpression => return "FALSE".into(),
            operator if condition.field_type == FieldType::Numeric => self.numeric(operator, condition, &column),
            operator => self.textual(operator, condition, &column),
        };
        // what is empty or no number makes the test unknown: that satisfies the negated ones
        if negated { format!("NOT coalesce({test}, FALSE)") } else { format!("coalesce({test}, FALSE)") }
    }

    fn textual(&mut self, operator: Operator, condition: &Condition, column: &str) -> String {
        let values: Vec<String> = condition.values().iter().map(|v| normalise(&v.text())).collect();
        let text = lowered(column, &values);
        let not_empty = format!("nullif({text}, '')");
        let tests: Vec<String> = match operator {
            Operator::Like | Operator::NotLike => {
                values.iter().map(|v| format!("{not_empty} LIKE {} ESCAPE '\\'", self.text(escape(v, "\\")))).collect()
            }
            Operator::Contains | Operator::DoesNotContain => values
                .iter()
                .map(|v| format!("{not_empty} LIKE {} ESCAPE '\\'", self.text(format!("%{}%", escape(v, "\\%_")))))
                .collect(),
            _ => {
                let places: Vec<String> = values.into_iter().map(|v| self.text(v)).collect();
                vec![format!("{not_empty} IN ({})", places.join(", "))]
            }
        };
        format!("({})", tests.join(" OR "))
    }

    fn numeric(&mut self, operator: Operator, condition: &Condition, column: &str) -> String {
        let own = self.number_of(column);
        let values: Vec<f64> = condition.values().iter().filter_map(|v| number(&v.text())).collect();
        let sign = match operator {
            Operator::LessThan => "<",
            Operator::LessOrEqual => "<=",
            Operator::GreaterThan => ">",
            Operator::GreaterOrEqual => ">=",
            _ => "=",
        };
        let places: Vec<String> = values.into_iter().map(|v| self.bind(Bound::Number(v))).collect();
        if places.is_empty() {
            return "FALSE".into();
        }
        if sign == "=" {
            return format!("{own} IN ({})", places.join(", "));
        }
        let tests: Vec<String> = places.iter().map(|place| format!("{own} {sign} {place}")).collect();
        format!("({})", tests.join(" OR "))
    }

    /// A text column as a number, NULL where it is none.
    fn number_of(&self, column: &str) -> String {
        match self.engine {
            Engine::Postgres => format!(
                "(CASE WHEN trim({column}) ~ '^[+-]?[0-9]+(\\.[0-9]+)?$' AND length(trim({column})) <= 30
                    THEN trim({column})::float8 END)"
            ),
            Engine::Sqlite => {
                let unsigned = format!("ltrim(substr(trim({column}), 1, 1), '+-') || substr(trim({column}), 2)");
                format!(
                    "(CASE WHEN {unsigned} NOT GLOB '*[^0-9.]*' AND {unsigned} NOT GLOB '*.*.*' AND {unsigned} GLOB '[0-9]*'
                        AND {unsigned} GLOB '*[0-9]' AND length(trim({column})) <= 30 THEN CAST(trim({column}) AS REAL) END)"
                )
            }
        }
    }

    fn text(&mut self, value: String) -> String {
        self.bind(Bound::Text(value))
    }

    fn bind(&mut self, value: Bound) -> String {
        self.values.push(value);
        let place = format!("${}", self.next);
        self.next += 1;
        place
    }

    /// The SQL of a field as text; `None` for one that is always empty here.
    fn column(&mut self, field: &str) -> Option<String> {
        if let Some(name) = custom_name(field) {
            return Some(self.custom(name));
        }
        let engine = self.engine;
        let text = |column: &str| match engine {
            Engine::Postgres => format!("{column}::text"),
            Engine::Sqlite => format!("CAST({column} AS TEXT)"),
        };
        if let Some(number) = other_number(field) {
            return Some(match self.engine {
                Engine::Postgres => format!("(c.custom::json ->> 'c_other{number}')"),
                Engine::Sqlite => format!("(c.custom ->> 'c_other{number}')"),
            });
        }
        Some(match field {
            "c_client_id" => "c.client_id".into(),
            "c_first_name" => "c.first_name".into(),
            "c_last_name" => "c.last_name".into(),
            "c_company" => "c.company".into(),
            "c_country_code_iso" => "c.country".into(),
            "c_state_code" => "c.region".into(),
            "c_postal_code" => "c.postal".into(),
            "c_tz_name" => "c.zone".into(),
            "contact_info" => "d.address".into(),
            "contact_info_type" => text("d.type"),
            "cd_device_index" => text("d.position"),
            "cd_device_type" => text("d.line_type"),
            "cd_country_code" | "cd_country_code_iso" => "d.country".into(),
            "cd_area_code" => "d.area_code".into(),
            "cd_exchange" => "(CASE WHEN d.kind = 1 AND d.address LIKE '+1%' THEN substr(d.address, 6, 3) END)".into(),
            "cd_extension" => "d.extension".into(),
            "cd_state_code" => self.place(3),
            "cd_tz_name" => self.place(4),
            "Attempts" if self.records => text("r.attempts"),
            "call_result" if self.records => text("r.last_result"),
            "call_time" if self.records => text("(r.attempted_at / 1000000)"),
            "dial_sched_time" if self.records => text("(r.due / 1000000)"),
            "record_id" if self.records => text("r.id"),
            "record_status" if self.records => text("r.status"),
            // of who has no record in this group: as the latest attempt in any group left it
            "Attempts" => format!("coalesce({}, '{NO_ATTEMPTS}')", latest(&text("ar.attempts"))),
            "call_result" => format!("coalesce({}, '{UNKNOWN_RESULT}')", latest(&text("ar.last_result"))),
            _ => return None,
        })
    }

    /// A custom field, whose name comes from a file: it is bound, never part of the SQL.
    fn custom(&mut self, name: &str) -> String {
        if self.engine == Engine::Postgres {
            let place = self.text(name.to_owned());
            return format!("(c.custom::json ->> {place}::text)");
        }
        if name.contains(['"', '\\']) || name.chars().any(char::is_control) {
            // a path can't hold it, and JSON holds it escaped
            let place = self.text(name.to_owned());
            return format!("(SELECT e.value FROM json_each(c.custom) AS e WHERE e.key = {place})");
        }
        let place = self.text(format!("$.\"{name}\""));
        format!("(c.custom ->> {place})")
    }

    /// The one region (part 3 of a location's key, without its country) or the one zone (part 4) of a device.
    fn place(&self, part: u8) -> String {
        let of = "FROM location l WHERE l.number = d.location";
        let parts = match self.engine {
            Engine::Postgres => format!("SELECT split_part(l.key, '|', {part}) AS part {of}"),
            Engine::Sqlite => {
                let after = |inner: String| format!("SELECT substr(k, instr(k, '|') + 1) AS k FROM ({inner})");
                let regions_and_zones = after(after(format!("SELECT l.key AS k {of}")));
                let cut = if part == 3 { "substr(k, 1, instr(k, '|') - 1)" } else { "substr(k, instr(k, '|') + 1)" };
                format!("SELECT {cut} AS part FROM ({regions_and_zones})")
            }
        };
        let one = if part == 3 { "substr(part, 4)" } else { "part" };
        format!("(SELECT CASE WHEN part NOT LIKE '%,%' THEN {one} END FROM ({parts}) AS parts)")
    }
}

/// A column of a contact's record in the group that attempted it last: one look-up a group of the tenant.
fn latest(column: &str) -> String {
    format!(
        "(SELECT {column} FROM contact_list al JOIN campaign_group ag ON ag.tenant = al.tenant
            JOIN record ar ON ar.grp = ag.number AND ar.id = c.id
          WHERE al.generation = c.generation AND ar.attempts > 0 ORDER BY ar.last_attempt DESC LIMIT 1)"
    )
}

/// A column in small letters. `lower` of SQLite, and of PostgreSQL in some locales, knows those of ASCII only: the
/// others that stand in the values are replaced one by one, and those that do not can't make a difference.
fn lowered(column: &str, values: &[String]) -> String {
    let mut letters: Vec<(char, char)> = Vec::new();
    for small in values.iter().flat_map(|v| v.chars()).filter(|c| !c.is_ascii()) {
        let mut upper = small.to_uppercase();
        if let (Some(great), None) = (upper.next(), upper.next())
            && great != small
            && great.to_lowercase().eq([small])
            && !letters.contains(&(great, small))
        {
            letters.push((great, small));
        }
    }
    letters
        .into_iter()
        .fold(format!("lower(trim({column}))"), |sql, (great, small)| format!("replace({sql}, '{great}', '{small}')"))
}

fn escape(value: &str, signs: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for c in value.chars() {
        if signs.contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// A contact with one of its devices, as a rule sees it without a database.
#[derive(Debug, Clone, Copy)]
pub struct ContactRow<'a> {
    /// The contact.
    pub contact: &'a Contact,
    /// One of its devices, with its place.
    pub device: Option<(&'a Device, Option<&'a Location>)>,
}

impl FieldSource for ContactRow<'_> {
    fn field(&self, name: &str) -> Option<Cow<'_, str>> {
        let contact = self.contact;
        let own = match name {
            "c_client_id" => &contact.client_id,
            "c_first_name" => &contact.first_name,
            "c_last_name" => &contact.last_name,
            "c_company" => &contact.company,
            "c_country_code_iso" => &contact.country,
            "c_state_code" => &contact.region,
            "c_postal_code" => &contact.postal,
            "c_tz_name" => &contact.zone,
            "Attempts" => return Some(Cow::Borrowed(NO_ATTEMPTS)),
            "call_result" => return Some(Cow::Borrowed(UNKNOWN_RESULT)),
            _ if other_number(name).is_some() || custom_name(name).is_some() => {
                let name = custom_name(name).unwrap_or(name);
                let custom: serde_json::Map<String, serde_json::Value> =
                    serde_json::from_str(contact.custom.as_deref()?).ok()?;
                return custom.get(name)?.as_str().map(|text| Cow::Owned(text.to_owned()));
            }
            _ => return self.device_field(name),
        };
        own.as_deref().map(Cow::Borrowed)
    }
}

impl<'a> ContactRow<'a> {
    fn device_field(&self, name: &str) -> Option<Cow<'a, str>> {
        let (device, place) = self.device?;
        let number = |n: i16| Some(Cow::Owned(n.to_string()));
        let text = match name {
            "contact_info" => device.address.as_str(),
            "contact_info_type" => return number(device.r#type),
            "cd_device_index" => return number(device.position),
            "cd_device_type" => return number(device.line_type),
            "cd_country_code" | "cd_country_code_iso" => device.country.as_deref()?,
            "cd_area_code" => device.area_code.as_deref()?,
            "cd_exchange" => device.address.strip_prefix("+1").filter(|_| device.kind == 1)?.get(3..6)?,
            "cd_extension" => device.extension.as_deref()?,
            "cd_state_code" => match place?.regions() {
                [region] => region.get(3..)?,
                _ => return None,
            },
            "cd_tz_name" => match place?.zones() {
                [zone] => zone,
                _ => return None,
            },
            _ => return None,
        };
        Some(Cow::Borrowed(text))
    }
}
