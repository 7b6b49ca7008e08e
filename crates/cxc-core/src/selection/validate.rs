//! What is wrong with a selection rule.
use super::{
    Condition, FieldType, MAX_CONDITIONS, MAX_SETS, MAX_VALUE, MAX_VALUES, Operator, SelectionKind, SelectionRule,
    Value, known_field, number,
};
use crate::field_error::FieldError;

impl SelectionRule {
    /// Everything that is wrong with it; empty if it can be used.
    pub fn validate(&self) -> Vec<FieldError> {
        let mut errors = Vec::new();
        if self.condition_sets.is_empty() || self.condition_sets.len() > MAX_SETS {
            errors.push(FieldError::new("/conditionSets", "length", "a rule has 1 to 50 condition sets"));
        }
        if self.condition_sets.iter().map(Vec::len).sum::<usize>() > MAX_CONDITIONS {
            errors.push(FieldError::new("/conditionSets", "too_many", "a rule has at most 200 conditions"));
            return errors;
        }
        for (i, set) in self.condition_sets.iter().enumerate().take(MAX_SETS) {
            if set.is_empty() {
                errors.push(FieldError::new(
                    format!("/conditionSets/{i}"),
                    "length",
                    "a set has at least one condition",
                ));
            }
            for (j, condition) in set.iter().enumerate() {
                let pointer = format!("/conditionSets/{i}/{j}");
                errors.extend(condition.validate(self.kind).into_iter().map(|e| e.under(&pointer)));
            }
        }
        errors
    }
}

impl Condition {
    fn validate(&self, kind: SelectionKind) -> Vec<FieldError> {
        let mut errors = Vec::new();
        let mut error = |pointer: &str, code, detail: &str| errors.push(FieldError::new(pointer, code, detail));
        match known_field(&self.field) {
            None => error(
                "/field",
                "unknown_field",
                "a field is a known column, as in c_last_name, c_other1 or cd_area_code, or custom:NAME for a column \
                 that an import kept under its own name, as in custom:Age",
            ),
            Some(field) if !kind.allows(field.level) => {
                error("/field", "not_of_this_kind", "a rule of this kind does not use this field");
            }
            Some(field) if !field.compares_as(self.field_type) => {
                error("/type", "type", "this field is compared as string, as numeric or as what it is");
            }
            Some(_) => {}
        }
        if self.operator == Operator::CustomExpression {
            error(
                "/operator",
                "custom_expression",
                "custom expressions can't be used yet; combine the other operators",
            );
            return errors;
        }
        if !self.operator.fits(self.field_type) {
            error("/operator", "operator", "this type does not have this operator");
        }
        match (&self.value, self.operator) {
            (None, Operator::IsEmpty) => {}
            (Some(_), Operator::IsEmpty) => error("/value", "not_expected", "is_empty takes no value"),
            (Some(Value::Many(many)), operator) if operator.takes_list() => {
                if many.is_empty() || many.len() > MAX_VALUES {
                    error("/value", "length", "a list has 1 to 1000 values");
                }
            }
            (Some(Value::One(_)), operator) if !operator.takes_list() => {}
            (_, operator) if operator.takes_list() => error("/value", "list", "this operator takes a list of values"),
            _ => error("/value", "single", "this operator takes one text or number"),
        }
        self.validate_values(&mut errors);
        errors
    }

    fn validate_values(&self, errors: &mut Vec<FieldError>) {
        let many = matches!(self.value, Some(Value::Many(_)));
        for (i, value) in self.values().iter().enumerate().take(MAX_VALUES) {
            let text = value.text();
            let wrong = if text.trim().is_empty() {
                Some(("empty", "a value is not empty; for empty fields there is is_empty"))
            } else if text.chars().count() > MAX_VALUE || text.contains('\0') {
                Some(("too_long", "a value has at most 256 characters and no NUL"))
            } else if self.field_type == FieldType::Numeric && number(&text).is_none() {
                Some(("number", "a number is digits with an optional sign and decimal point"))
            } else {
                None
            };
            if let Some((code, detail)) = wrong {
                let pointer = if many { format!("/value/{i}") } else { "/value".to_owned() };
                errors.push(FieldError::new(pointer, code, detail));
            }
        }
    }
}
