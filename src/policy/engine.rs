//! The door to Cedar: agreements and signals become entities and permits, a standing becomes a decision.
use super::{
    facts::{ConsentStanding, Operator, SignalFact, Standing},
    guards::Guards,
    snapshot::PolicyError,
};
use crate::{
    agreement::Agreement,
    domain::{AgreementId, PartnerId, Purpose, SignalId},
};
use cedar_policy::{
    Authorizer, Context, Decision, Entities, Entity, EntityId, EntityTypeName, EntityUid, Policy, PolicyId, PolicySet,
    Request, RestrictedExpression as Value, Schema, ValidationMode, Validator,
};
use std::{collections::HashMap, str::FromStr};

/// The schema's text: part of the snapshot's hash.
pub(super) const SCHEMA: &str = include_str!("tollgate.cedarschema");

/// Parses [`SCHEMA`].
pub(super) fn schema() -> Result<Schema, PolicyError> {
    let parsed = Schema::from_cedarschema_str(SCHEMA).map_err(|e| PolicyError::Schema(e.to_string()))?;
    Ok(parsed.0)
}

/// Everything Cedar needs for a decision.
pub(super) struct Engine {
    authorizer: Authorizer,
    schema: Schema,
    policies: PolicySet,
    entities: Entities,
}

/// Who asks for what.
pub(super) struct Ask<'a> {
    pub(super) partner: &'a PartnerId,
    pub(super) agreement: &'a AgreementId,
    pub(super) purpose: &'a Purpose,
    pub(super) signal: &'a SignalId,
    pub(super) standing: Standing,
}

/// What Cedar said.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// A permit, no guard, no error.
    Allow,
    /// These guards fired, and no error.
    Guards(Vec<String>),
    /// An error, or a denial without a guard: denied.
    Error,
}

impl Engine {
    /// Guards and permits with the entities they speak of. Not yet validated: see [`Engine::validate`].
    pub(super) fn build<'a>(
        schema: &Schema,
        guards: &Guards,
        operator: &Operator,
        agreements: impl Iterator<Item = &'a Agreement> + Clone,
        signals: &[SignalFact],
    ) -> Result<Self, PolicyError> {
        let mut policies = guards.policies().clone();
        for agreement in agreements.clone() {
            let permit = permit(agreement).map_err(|e| PolicyError::Permit(agreement.id.to_string(), e))?;
            policies
                .add(permit)
                .map_err(|e| PolicyError::Permit(agreement.id.to_string(), e.to_string()))?;
        }
        let entities = entities(schema, operator, agreements, signals).map_err(PolicyError::Entities)?;
        Ok(Self {
            authorizer: Authorizer::new(),
            schema: schema.clone(),
            policies,
            entities,
        })
    }

    /// Strict validation of all policies against the schema: no policy can fail for a wrong type or a missing attribute.
    pub(super) fn validate(&self) -> Result<(), PolicyError> {
        let checked = Validator::new(self.schema.clone()).validate(&self.policies, ValidationMode::Strict);
        match checked.validation_errors().next() {
            Some(error) => Err(PolicyError::Invalid(error.to_string())),
            None => Ok(()),
        }
    }

    /// One decision, uncached.
    pub(super) fn ask(&self, ask: &Ask<'_>) -> Said {
        let Ok(request) = self.request(ask) else {
            return Said::Error;
        };
        let response = self.authorizer.is_authorized(&request, &self.policies, &self.entities);
        let fired: Vec<String> = response.diagnostics().reason().map(|id| id.to_string()).collect();
        // Cedar skips a policy that fails, a guard too, and may still allow.
        if response.diagnostics().errors().next().is_some() {
            return Said::Error;
        }
        match response.decision() {
            Decision::Allow => Said::Allow,
            Decision::Deny if fired.is_empty() => Said::Error,
            Decision::Deny => Said::Guards(fired),
        }
    }

    fn request(&self, ask: &Ask<'_>) -> Result<Request, String> {
        let mut context = vec![
            (
                "agreement".to_owned(),
                Value::new_entity_uid(uid("Agreement", ask.agreement.as_str())?),
            ),
            (
                "purpose".to_owned(),
                Value::new_entity_uid(uid("Purpose", ask.purpose.as_str())?),
            ),
            ("in_force".to_owned(), Value::new_bool(ask.standing.in_force)),
        ];
        if let Some(consent) = ask.standing.consent {
            context.push(("consent".to_owned(), consent_record(consent)?));
        }
        Request::new(
            uid("Partner", ask.partner.as_str())?,
            uid("Action", "release_signal")?,
            uid("Signal", &ask.signal.to_string())?,
            Context::from_pairs(context).map_err(text)?,
            Some(&self.schema),
        )
        .map_err(text)
    }
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

fn uid(kind: &str, id: &str) -> Result<EntityUid, String> {
    let kind = EntityTypeName::from_str(kind).map_err(text)?;
    Ok(EntityUid::from_type_name_and_id(kind, EntityId::new(id)))
}

fn consent_record(consent: ConsentStanding) -> Result<Value, String> {
    let fields = [
        ("recipient", Value::new_bool(consent.recipient)),
        ("current", Value::new_bool(consent.current)),
        ("purpose", Value::new_bool(consent.purpose)),
        ("granularity", Value::new_long(i64::from(consent.granularity))),
        ("separate", Value::new_bool(consent.separate)),
        ("look_back", Value::new_bool(consent.look_back)),
    ];
    Value::new_record(fields.map(|(key, value)| (key.to_owned(), value))).map_err(text)
}

/// The permit of one agreement. Ids are printed by Cedar itself, so whatever is in one stays inside its quotes.
fn permit(agreement: &Agreement) -> Result<Policy, String> {
    let own = uid("Agreement", agreement.id.as_str())?;
    let list = |kind, ids: Vec<&str>| -> Result<String, String> {
        let uids: Result<Vec<_>, _> = ids.into_iter().map(|id| uid(kind, id).map(|u| u.to_string())).collect();
        Ok(uids?.join(", "))
    };
    let purposes = list("Purpose", agreement.purposes.iter().map(|p| p.as_str()).collect())?;
    let families = list("SignalFamily", agreement.families.keys().map(|f| f.as_str()).collect())?;
    let source = format!(
        "permit (principal in {own}, action == Action::\"release_signal\", resource)\n\
         when {{ context.agreement == {own} && [{purposes}].contains(context.purpose) && resource in [{families}] }};"
    );
    // A guard's id has no `/`, so a permit can never be taken for one.
    Policy::parse(Some(PolicyId::new(format!("permit/{}", agreement.id))), source).map_err(text)
}

fn entities<'a>(
    schema: &Schema,
    operator: &Operator,
    agreements: impl Iterator<Item = &'a Agreement> + Clone,
    signals: &[SignalFact],
) -> Result<Entities, String> {
    let operator_uid = uid("Operator", "self")?;
    let mut all = vec![entity(
        operator_uid.clone(),
        vec![
            ("licence", Value::new_string(operator.licence.name().to_owned())),
            (
                "jurisdiction",
                Value::new_string(operator.jurisdiction.as_str().to_owned()),
            ),
        ],
        Vec::new(),
        Vec::new(),
    )?];
    let mut partners: HashMap<&PartnerId, Vec<EntityUid>> = HashMap::new();
    for agreement in agreements {
        all.push(agreement_entity(agreement, &operator_uid)?);
        let own = uid("Agreement", agreement.id.as_str())?;
        partners.entry(&agreement.partner).or_default().push(own);
    }
    for (partner, parents) in partners {
        all.push(entity(
            uid("Partner", partner.as_str())?,
            Vec::new(),
            parents,
            Vec::new(),
        )?);
    }
    for signal in signals {
        all.push(signal_entity(signal)?);
    }
    Entities::from_entities(all, Some(schema)).map_err(text)
}

fn entity(
    uid: EntityUid,
    attributes: Vec<(&str, Value)>,
    parents: Vec<EntityUid>,
    tags: Vec<(String, Value)>,
) -> Result<Entity, String> {
    let attributes = attributes.into_iter().map(|(key, value)| (key.to_owned(), value));
    Entity::new_with_tags(uid, attributes, parents, tags).map_err(text)
}

fn purposes(list: &[Purpose]) -> Result<Value, String> {
    let values: Result<Vec<_>, String> = list
        .iter()
        .map(|p| Ok(Value::new_entity_uid(uid("Purpose", p.as_str())?)))
        .collect();
    Ok(Value::new_set(values?))
}

fn agreement_entity(agreement: &Agreement, operator: &EntityUid) -> Result<Entity, String> {
    let party = agreement.asking_party().ok_or("the asking partner is no party")?;
    let word = |text: &str| Value::new_string(text.to_owned());
    let mut attributes = vec![
        ("operator", Value::new_entity_uid(operator.clone())),
        ("purposes", purposes(&agreement.purposes)?),
        ("sensitivity_max", Value::new_long(i64::from(agreement.sensitivity_max))),
        ("route", word(agreement.route.name())),
        ("jurisdiction", word(agreement.jurisdiction.as_str())),
        ("partner_kind", word(party.kind.name())),
        ("same_group", Value::new_bool(party.same_group)),
    ];
    if let Some(mechanism) = agreement.cross_border_mechanism {
        attributes.push(("cross_border_mechanism", word(mechanism.name())));
    }
    let tag = |(family, granularity): (&crate::domain::SignalFamily, &u8)| {
        (family.to_string(), Value::new_long(i64::from(*granularity)))
    };
    let tags = agreement.families.iter().map(tag).collect();
    entity(uid("Agreement", agreement.id.as_str())?, attributes, Vec::new(), tags)
}

fn signal_entity(signal: &SignalFact) -> Result<Entity, String> {
    let attributes = vec![
        ("family", Value::new_string(signal.family.to_string())),
        ("granularity", Value::new_long(i64::from(signal.granularity))),
        ("sensitivity", Value::new_long(i64::from(signal.sensitivity))),
        ("retired", Value::new_bool(signal.retired)),
        ("purposes", purposes(&signal.purposes)?),
    ];
    let parents = vec![uid("SignalFamily", signal.family.as_str())?];
    entity(uid("Signal", &signal.id.to_string())?, attributes, parents, Vec::new())
}
