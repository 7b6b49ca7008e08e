//! Keys and names as every door reads them: reports, validations and questions.
use serde::{Deserialize, Deserializer};

/// A key as reports have it: without outer spaces, and none where nothing is left.
pub(crate) fn key<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    let text = Option::<String>::deserialize(from)?;
    Ok(text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()))
}

/// Several of them; a text may hold more than one, as that of a report does.
pub(crate) fn keys<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    Ok(plain(&Vec::<String>::deserialize(from)?))
}

/// Several of them, where nothing may be said.
pub(crate) fn keys_if_said<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Vec<String>>, D::Error> {
    Ok(Option::<Vec<String>>::deserialize(from)?.map(|texts| plain(&texts)))
}

fn plain(texts: &[String]) -> Vec<String> {
    let keys = texts.iter().flat_map(|text| text.split([',', ';'])).map(str::trim).filter(|text| !text.is_empty());
    keys.map(str::to_owned).collect()
}
