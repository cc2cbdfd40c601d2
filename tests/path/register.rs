//! Which test asserts which code. A code without one fails.
use super::{
    admin::{emergencies, two_people},
    agreed, answers, audit, consents, console, envelope, members, persons, records, sessions, signed, subject_requests,
    trouble,
};
use crate::witness::statuses;
use tollgate::refusal::Code;

/// The test of each code, over the wire.
const TESTS: &[(Code, fn())] = &[
    (Code::PeerUnknown, members::an_unregistered_certificate),
    (Code::PeerRevoked, members::a_revoked_certificate_on_a_live_connection),
    (
        Code::CertificateExpired,
        members::a_certificate_that_expires_on_a_live_connection,
    ),
    (Code::MethodNotAllowed, members::each_role_has_its_methods),
    (Code::PartnerSuspended, members::a_suspended_partner),
    (Code::RateLimited, members::a_peer_over_its_rate),
    (Code::TooLarge, envelope::too_large),
    (Code::EnvelopeMalformed, envelope::malformed),
    (Code::SuiteNotAllowed, envelope::a_suite_that_is_not_allowed),
    (Code::KeyUnknown, envelope::an_unknown_key),
    (Code::OpenFailed, envelope::tampered),
    (Code::SessionUnknown, sessions::unknown),
    (Code::SessionExpired, sessions::expired),
    (Code::Replayed, sessions::replayed),
    (Code::SessionsExhausted, sessions::exhausted),
    (Code::SessionRequired, sessions::required),
    (Code::SigningKeyUnknown, signed::an_unregistered_key),
    (Code::SignatureInvalid, signed::a_signature_over_something_else),
    (
        Code::SignatureRequired,
        answers::an_unsigned_question_needs_an_agreement_that_says_so,
    ),
    (Code::QuotaSpent, agreed::a_quota_that_is_spent),
    (Code::NotCanonical, signed::not_canonical),
    (Code::Stale, signed::stale),
    (Code::FieldInvalid, signed::a_field_that_is_not_valid),
    (Code::SubjectMalformed, signed::an_identity_that_is_not_well_formed),
    (Code::RequestIdReused, signed::a_request_id_twice),
    (Code::AgreementUnknown, agreed::an_agreement_that_is_not_yours),
    (Code::AgreementNotInForce, agreed::an_agreement_that_is_not_in_force),
    (Code::PurposeNotAgreed, agreed::a_purpose_that_was_not_agreed),
    (Code::PurposeUnknown, agreed::an_unknown_purpose),
    (Code::SignalUnknown, agreed::an_unknown_signal),
    (Code::SignalRetired, agreed::a_retired_signal),
    (Code::SignalNotAgreed, agreed::a_family_that_was_not_agreed),
    (
        Code::PurposeNotAllowedForSignal,
        agreed::a_signal_that_is_for_other_purposes,
    ),
    (Code::GranularityTooFine, agreed::too_fine),
    (
        Code::RouteNotAllowed,
        agreed::a_platform_that_answers_a_mainland_bank_directly,
    ),
    (Code::CrossBorderNotAllowed, agreed::across_a_border),
    (Code::SensitivityNotAllowed, agreed::too_sensitive),
    (Code::ConsentTermsInvalid, consents::terms_that_nobody_may_grant),
    (Code::ConsentsExhausted, consents::exhausted),
    (Code::BatchOutOfOrder, records::out_of_order),
    (Code::BatchesExhausted, records::too_many_at_once),
    (Code::ErasuresExhausted, persons::more_holds_than_are_kept),
    (Code::CheckpointMalformed, statuses::malformed),
    (Code::WitnessedLogUnknown, statuses::unknown_log),
    (Code::CheckpointSignature, statuses::not_signed_by_the_log),
    (Code::CheckpointSize, statuses::another_size_is_known),
    (Code::CheckpointForked, statuses::another_root_at_the_same_size),
    (Code::CheckpointInconsistent, statuses::a_proof_that_does_not_extend),
    (Code::CatalogueMismatch, records::another_catalogue),
    (Code::RowInvalid, records::a_row_that_does_not_fit),
    (Code::LogRange, members::a_size_that_the_log_does_not_have),
    (Code::PeriodUnknown, audit::archived::a_period_that_is_not_kept),
    (Code::ArchiveUnreadable, audit::archived::an_archive_that_cannot_be_read),
    (Code::PageTokenInvalid, audit::searching::a_token_of_another_search),
    (
        Code::StreamsExhausted,
        audit::streaming::as_many_streams_as_a_member_may_have,
    ),
    (Code::OutOfScope, audit::auditing::beyond_the_scope),
    (
        Code::CrossOrigin,
        console::people::a_page_of_another_site_uses_no_certificate,
    ),
    (
        Code::SubjectRequestUnknown,
        subject_requests::a_request_that_nobody_knows,
    ),
    (Code::SubjectRequestClosed, subject_requests::a_request_that_has_ended),
    (
        Code::SubjectRequestsExhausted,
        subject_requests::too_many_requests_of_one_person,
    ),
    (Code::TargetUnknown, emergencies::nothing_of_that_name),
    (Code::SuspensionsExhausted, emergencies::more_than_are_kept),
    (Code::ProposalUnknown, two_people::a_proposal_that_nobody_made),
    (Code::ProposalClosed, two_people::an_approval_is_good_once),
    (Code::ProposalExpired, two_people::an_expiry_never_comes_back),
    (Code::ProposalChanged, two_people::what_has_changed_is_not_approved),
    (
        Code::SamePerson,
        two_people::the_proposer_cannot_approve_whatever_the_certificate,
    ),
    (
        Code::OfficerNotValid,
        two_people::a_proposer_who_is_shut_out_proposes_nothing,
    ),
    (Code::JobRunning, two_people::one_job_of_a_class_at_a_time),
    (Code::ProposalsExhausted, two_people::nobody_buries_others_proposals),
    (Code::DiskFull, trouble::a_full_disk),
    (Code::Internal, trouble::a_damaged_record),
    (Code::DeadlineExceeded, trouble::a_call_that_takes_too_long),
];

/// Codes that no request can lead to, with the test beside the code that does.
const BESIDE_THE_CODE: &[(Code, &str, &str)] = &[(
    Code::PolicyError,
    "strict validation at load leaves no policy that a request could make fail",
    "src/policy/tests.rs",
)];

#[test]
fn every_code_has_its_test() {
    for code in Code::ALL {
        let over_the_wire = TESTS.iter().filter(|(of, _)| of == code).count();
        let beside = BESIDE_THE_CODE.iter().filter(|(of, ..)| of == code).count();
        assert_eq!(over_the_wire + beside, 1, "`{}` has no test, or two", code.name());
    }
    // A file that was moved takes its claim with it.
    for (code, _, file) in BESIDE_THE_CODE {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
        let text = std::fs::read_to_string(path).unwrap();
        assert!(
            text.contains(&format!("{code:?}")),
            "`{file}` does not test `{}`",
            code.name()
        );
    }
}
