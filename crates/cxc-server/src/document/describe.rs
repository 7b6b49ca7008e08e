//! The API description of a kind of document, from its type.
use cxc_store::object_query::ObjectField;
use utoipa::openapi::path::{Operation, OperationBuilder, ParameterBuilder, ParameterIn};
use utoipa::openapi::request_body::{RequestBody, RequestBodyBuilder};
use utoipa::openapi::schema::{AdditionalProperties, ArrayBuilder, KnownFormat, SchemaFormat, SchemaType, Type};
use utoipa::openapi::{
    AllOfBuilder, Content, Header, Object, ObjectBuilder, Ref, RefOr, Required, Response, ResponseBuilder, Responses,
    Schema,
};
use utoipa::{IntoResponses, PartialSchema, ToSchema};

use super::query::field_name;
use super::{Common, Document};
use crate::error::ApiError;

/// Names and schemas of one kind.
pub(super) struct Description {
    /// Schemas by name: the document, its input, its patch, its page, and what they refer to.
    pub schemas: Vec<(String, RefOr<Schema>)>,
    name: String,
    singular: String,
    plural: String,
    noun: &'static str,
    tag: &'static str,
    filters: &'static [ObjectField],
}

/// The schemas of a kind whose routes are its own: the document as answered, and what it refers to.
pub(crate) fn schemas_of<D: Document>() -> Vec<(String, RefOr<Schema>)> {
    Description::of::<D>().schemas
}

impl Description {
    pub fn of<D: Document>() -> Self {
        let name = D::name().into_owned();
        let mut schemas = Vec::new();
        D::schemas(&mut schemas);
        D::Extra::schemas(&mut schemas);
        let body = D::schema();
        schemas.push((format!("{name}Input"), joined(body.clone(), &input::<D>(), &schemas, &|_| {})));
        schemas.push((format!("{name}Patch"), patch(body.clone(), &input::<D>())));
        let hide = |object: &mut Object| shown_only(object, D::SECRETS);
        let view = joined(body, &added::<D>(), &schemas, &hide);
        schemas.push((name.clone(), view));
        schemas.push((format!("{name}Page"), page(&name)));
        Self {
            schemas,
            name,
            singular: camel(D::KIND.split('_')),
            plural: camel(D::PATH.rsplit('/').next().unwrap_or_default().split('-')),
            noun: D::NOUN,
            tag: D::TAG,
            filters: D::FILTERS,
        }
    }

    pub fn list(&self) -> Operation {
        let mut operation = self
            .operation(format!("list{}", self.plural), format!("List {}", self.nouns()))
            .parameter(query("limit", "How many at most.", whole(1.0, 500.0), "50 by default."))
            .parameter(query("cursor", "Where to go on: `next` of the page before.", text(), ""))
            .parameter(query("count", "Whether to count them: adds `total`.", plain(Type::Boolean), ""))
            .parameter(query("sort", "Members to sort by, each falling after a minus: `-createdAt,name`.", text(), ""))
            .parameter(query("fields", "Members to answer: `id,name`. All when left out.", text(), ""));
        let common = [ObjectField::Name, ObjectField::CreatedAt, ObjectField::UpdatedAt];
        for field in common.iter().chain(self.filters) {
            let hint = "Also `[ne]`, `[lt]`, `[lte]`, `[gt]`, `[gte]`, `[in]`; for texts `[contains]`, `[empty]`.";
            operation = operation.parameter(query(
                field_name(*field),
                "Only those with this value.",
                filter_schema(*field),
                hint,
            ));
        }
        let answer = ResponseBuilder::new()
            .description("A page.")
            .content("application/json", content(&format!("{}Page", self.name)));
        operation.responses(answers([("200", answer.build())])).build()
    }

    pub fn create(&self) -> Operation {
        let location = Header::builder().schema(Some(text())).description(Some("The new object.")).build();
        let answer = self.document("It was created.");
        let mut created = answer;
        created.headers.insert("Location".into(), location.into());
        self.operation(format!("create{}", self.singular), format!("Create a {}", self.noun))
            .parameter(header("Idempotency-Key", "Makes a repeat harmless for 24 hours.", key(), false))
            .request_body(Some(self.body("Input")))
            .responses(answers([("201", created)]))
            .build()
    }

    pub fn get(&self) -> Operation {
        self.operation(format!("get{}", self.singular), format!("Get a {}", self.noun))
            .parameter(id())
            .parameter(header("If-None-Match", "Answers 304 when it still has this ETag.", text(), false))
            .responses(answers([("200", self.document("The object.")), ("304", Response::new("It has not changed."))]))
            .build()
    }

    pub fn replace(&self) -> Operation {
        self.operation(format!("replace{}", self.singular), format!("Replace a {}", self.noun))
            .parameter(id())
            .parameter(if_match())
            .request_body(Some(self.body("Input")))
            .responses(answers([("200", self.document("It was replaced."))]))
            .build()
    }

    pub fn update(&self) -> Operation {
        self.operation(
            format!("update{}", self.singular),
            format!("Change members of a {} (JSON merge patch)", self.noun),
        )
        .parameter(id())
        .parameter(if_match())
        .request_body(Some(self.body("Patch")))
        .responses(answers([("200", self.document("It was changed."))]))
        .build()
    }

    pub fn delete(&self) -> Operation {
        self.operation(format!("delete{}", self.singular), format!("Delete a {}", self.noun))
            .parameter(id())
            .parameter(if_match())
            .responses(answers([("204", Response::new("It was deleted."))]))
            .build()
    }

    fn operation(&self, id: String, summary: String) -> OperationBuilder {
        OperationBuilder::new().operation_id(Some(id)).summary(Some(summary)).tag(self.tag)
    }

    fn document(&self, description: &str) -> Response {
        let tag = Header::builder().schema(Some(text())).description(Some("The version, for If-Match.")).build();
        ResponseBuilder::new()
            .description(description)
            .content("application/json", content(&self.name))
            .header("ETag", tag)
            .build()
    }

    fn body(&self, which: &str) -> RequestBody {
        let schema = content(&format!("{}{which}", self.name));
        let builder =
            RequestBodyBuilder::new().required(Some(Required::True)).content("application/json", schema.clone());
        if which == "Patch" { builder.content("application/merge-patch+json", schema).build() } else { builder.build() }
    }

    fn nouns(&self) -> String {
        let mut words = String::new();
        for letter in self.plural.chars() {
            if letter.is_uppercase() && !words.is_empty() {
                words.push(' ');
            }
            words.extend(letter.to_lowercase());
        }
        words
    }
}

fn camel<'a>(words: impl Iterator<Item = &'a str>) -> String {
    words.flat_map(|w| w.chars().enumerate().map(|(n, c)| if n == 0 { c.to_ascii_uppercase() } else { c })).collect()
}

/// What a request adds to the body.
fn input<D: Document>() -> Object {
    let name = ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)).max_length(Some(D::NAME_MAX));
    let name =
        name.description(Some(format!("Unique among its kind, whatever the case. 1 to {} characters.", D::NAME_MAX)));
    let description =
        ObjectBuilder::new().schema_type(Type::String).max_length(Some(4000)).description(Some("Free text."));
    ObjectBuilder::new().property("name", name).property("description", description).required("name").build()
}

/// What an answer adds to the body: the common members and the computed ones.
fn added<D: Document>() -> Object {
    let mut added = as_object(Common::schema());
    let extra = as_object(D::Extra::schema());
    added.required.extend(extra.properties.keys().cloned());
    added.properties.extend(extra.properties);
    for (name, property) in &mut added.properties {
        if let RefOr::T(Schema::Object(object)) = property
            && name != "name"
            && name != "description"
        {
            object.read_only = Some(true);
        }
    }
    added.description = None;
    added
}

fn as_object(schema: RefOr<Schema>) -> Object {
    match schema {
        RefOr::T(Schema::Object(object)) => object,
        _ => Object::new(),
    }
}

/// The body together with more members, whatever the form of its schema.
fn joined(
    body: RefOr<Schema>,
    more: &Object,
    known: &[(String, RefOr<Schema>)],
    change: &dyn Fn(&mut Object),
) -> RefOr<Schema> {
    match body {
        RefOr::T(Schema::Object(mut object)) => {
            object.properties.extend(more.properties.clone());
            object.required.splice(0..0, more.required.iter().cloned());
            change(&mut object);
            RefOr::T(Schema::Object(object))
        }
        RefOr::T(Schema::OneOf(mut one)) => {
            one.items = one.items.into_iter().map(|item| joined(item, more, known, change)).collect();
            RefOr::T(Schema::OneOf(one))
        }
        RefOr::T(Schema::AnyOf(mut any)) => {
            any.items = any.items.into_iter().map(|item| joined(item, more, known, change)).collect();
            RefOr::T(Schema::AnyOf(any))
        }
        RefOr::T(Schema::AllOf(mut all)) => {
            all.items.push(RefOr::T(Schema::Object(more.clone())));
            RefOr::T(Schema::AllOf(all))
        }
        RefOr::Ref(reference) => {
            let name = reference.ref_location.rsplit('/').next().unwrap_or_default();
            match known.iter().find(|(known, _)| known == name) {
                Some((_, schema)) => joined(schema.clone(), more, known, change),
                None => AllOfBuilder::new().item(reference).item(more.clone()).into(),
            }
        }
        other => AllOfBuilder::new().item(other).item(more.clone()).into(),
    }
}

/// In answers secrets are missing, and members may be added in later versions.
fn shown_only(object: &mut Object, secrets: &[&str]) {
    for secret in secrets.iter().filter_map(|s| s.strip_prefix('/')).filter(|s| !s.contains('/')) {
        object.properties.remove(secret);
        object.required.retain(|name| name != secret);
    }
    if matches!(object.additional_properties.as_deref(), Some(AdditionalProperties::FreeForm(false))) {
        object.additional_properties = None;
    }
}

/// A patch: any of the members, none required.
fn patch(body: RefOr<Schema>, more: &Object) -> RefOr<Schema> {
    let hint = "A JSON merge patch: members that are left out stay, null removes one.";
    let mut object = match body {
        RefOr::T(Schema::Object(object)) => object,
        _ => ObjectBuilder::new().additional_properties(Some(AdditionalProperties::<Schema>::FreeForm(true))).build(),
    };
    object.properties.extend(more.properties.clone());
    object.required.clear();
    object.description = Some(hint.into());
    RefOr::T(Schema::Object(object))
}

fn page(name: &str) -> RefOr<Schema> {
    let items = ArrayBuilder::new().items(Ref::from_schema_name(name));
    let next = ObjectBuilder::new().schema_type(SchemaType::from_iter([Type::String, Type::Null]));
    ObjectBuilder::new()
        .property("items", items)
        .property("next", next.description(Some("The cursor of the next page; null on the last one.")))
        .property(
            "total",
            ObjectBuilder::new()
                .schema_type(Type::Integer)
                .description(Some("How many there are, counted up to 10,000.")),
        )
        .property(
            "totalIsEstimate",
            ObjectBuilder::new().schema_type(Type::Boolean).description(Some("Whether there are more than `total`.")),
        )
        .required("items")
        .required("next")
        .into()
}

fn answers<const N: usize>(good: [(&str, Response); N]) -> Responses {
    let mut answers = Responses::new();
    answers.responses = ApiError::responses();
    answers.responses.extend(good.into_iter().map(|(status, answer)| (status.to_owned(), RefOr::T(answer))));
    answers
}

fn content(schema: &str) -> Content {
    Content::new(Some(Ref::from_schema_name(schema)))
}

fn plain(kind: Type) -> Object {
    ObjectBuilder::new().schema_type(kind).build()
}

fn text() -> Object {
    plain(Type::String)
}

fn whole(from: f64, to: f64) -> Object {
    ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(from)).maximum(Some(to)).build()
}

fn key() -> Object {
    ObjectBuilder::new().schema_type(Type::String).min_length(Some(8)).max_length(Some(128)).build()
}

fn filter_schema(field: ObjectField) -> Object {
    match field {
        ObjectField::Name | ObjectField::Text(_) => text(),
        ObjectField::Integer(_) => plain(Type::Integer),
        ObjectField::Bool(_) => plain(Type::Boolean),
        ObjectField::CreatedAt | ObjectField::UpdatedAt => ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
            .build(),
    }
}

fn query(name: &str, what: &str, schema: Object, hint: &str) -> ParameterBuilder {
    let description = format!("{what} {hint}").trim().to_owned();
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Query)
        .description(Some(description))
        .schema(Some(schema))
}

fn header(name: &str, what: &str, schema: Object, required: bool) -> ParameterBuilder {
    let required = if required { Required::True } else { Required::False };
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Header)
        .required(required)
        .description(Some(what))
        .schema(Some(schema))
}

fn if_match() -> ParameterBuilder {
    header("If-Match", "The ETag of the version that is changed.", text(), true)
}

fn id() -> ParameterBuilder {
    let schema =
        ObjectBuilder::new().schema_type(Type::String).format(Some(SchemaFormat::KnownFormat(KnownFormat::Uuid)));
    ParameterBuilder::new().name("id").parameter_in(ParameterIn::Path).required(Required::True).schema(Some(schema))
}
