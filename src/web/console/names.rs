//! Names of kinds and classes: in a URL, in the leaf, and for people.
use super::words::Text;
use crate::wire::v1::{EntryClass, EntryKind};

/// Kinds that can be asked for: as in the URL, as in the log, for people.
pub(super) const KINDS: [(&str, EntryKind, Text); 11] = [
    ("query", EntryKind::Query, Text::KindQuery),
    ("consent", EntryKind::Consent, Text::KindConsent),
    ("session", EntryKind::Session, Text::KindSession),
    ("records", EntryKind::Records, Text::KindRecords),
    ("read", EntryKind::Read, Text::KindRead),
    ("keys", EntryKind::Keys, Text::KindKeys),
    ("configuration", EntryKind::Configuration, Text::KindConfiguration),
    ("lifecycle", EntryKind::Lifecycle, Text::KindLifecycle),
    ("counted", EntryKind::Counted, Text::KindCounted),
    ("subject-request", EntryKind::SubjectRequest, Text::KindSubjectRequest),
    ("witness", EntryKind::Witness, Text::KindWitness),
];

/// Ways to end, in the order of a chart's stack.
pub(super) const CLASSES: [(&str, EntryClass, Text); 4] = [
    ("sealed", EntryClass::Sealed, Text::ClassSealed),
    ("refused", EntryClass::Refused, Text::ClassRefused),
    ("admin", EntryClass::Admin, Text::ClassAdmin),
    ("abandoned", EntryClass::Abandoned, Text::ClassAbandoned),
];

/// What people call a kind.
pub(super) fn kind(kind: EntryKind) -> Text {
    let known = KINDS.iter().find(|(_, k, _)| *k == kind);
    known.map_or(Text::KindOther, |(.., text)| *text)
}

/// What people call an end, and the word that a style sheet knows it by.
pub(super) fn class(class: EntryClass) -> (&'static str, Text) {
    let known = CLASSES.iter().find(|(_, c, _)| *c == class);
    known.map_or(("other", Text::ClassOther), |(name, _, text)| (*name, *text))
}

/// Each word once, with how often it stands there: four signals mostly end alike.
pub(super) fn counted(words: &[String]) -> Vec<String> {
    let mut out: Vec<(&str, usize)> = Vec::new();
    for word in words {
        match out.iter_mut().find(|(known, _)| known == word) {
            Some((_, count)) => *count += 1,
            None => out.push((word, 1)),
        }
    }
    let text = |(word, count): (&str, usize)| match count {
        1 => word.to_owned(),
        _ => format!("{word} ×{count}"),
    };
    out.into_iter().map(text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_and_class_has_a_name() {
        // Their numbers have gaps.
        let kinds = (1..100).filter_map(|n| EntryKind::try_from(n).ok());
        for known in kinds {
            assert_ne!(kind(known), Text::KindOther, "{known:?}");
        }
        let classes = (1..100).filter_map(|n| EntryClass::try_from(n).ok());
        for known in classes {
            assert_ne!(class(known).1, Text::ClassOther, "{known:?}");
        }
        assert_eq!(kind(EntryKind::Unspecified), Text::KindOther);
    }

    #[test]
    fn words_are_counted_in_their_order() {
        let words = ["band", "no_file", "band"].map(str::to_owned);
        assert_eq!(counted(&words), ["band ×2", "no_file"]);
        assert!(counted(&[]).is_empty());
    }
}
