//! A gateway with a past to look at: half a day of questions, answers and refusals by two banks.
use crate::support::{
    AGREEMENT, BANK_A, BANK_B, Gateway, Place, SIGNALS, agreed, confirm, granted, lib_client, load_sample, question,
    terms,
};
use tollgate::{client::Client, crypto::Suite, wire::v1};

/// The person whom the walk looks for.
pub(super) const ROW: u64 = 3;
/// People who ask something of the institution during the walk.
pub(super) const ASKING: [u64; 3] = [41, 42, 43];
const HOUR_MS: i64 = 3_600_000;
const HOURS: u64 = 11;

/// Entries that the walk looks at.
pub(super) struct Past {
    /// An answer to bank A about [`ROW`].
    pub(super) answered: u64,
    /// A refusal.
    pub(super) refused: u64,
    /// Outside the auditor's scope.
    pub(super) of_bank_b: u64,
}

pub(super) async fn gateway_with_a_past() -> (Gateway, Past) {
    let gateway = Gateway::start(Place::new()).await;
    load_sample(&gateway).await;
    let mut consents = Vec::new();
    for row in 1..=4 {
        consents.push((row, agreed(&gateway, row).await));
    }
    let (mut answered, mut refused, mut of_bank_b) = (0, 0, 0);
    for hour in 0..HOURS {
        let bank = lib_client(&gateway, BANK_A, Suite::X25519).await;
        bank.open_session(v1::Evidence::Request).await.unwrap();
        for n in 0..3 + (hour * 5) % 7 {
            let at = usize::try_from(n).unwrap();
            let (row, consent) = &consents[at % consents.len()];
            let asked = v1::Query {
                signals: SIGNALS
                    .iter()
                    .take(1 + at % SIGNALS.len())
                    .map(|s| (*s).to_owned())
                    .collect(),
                ..question(*row, consent)
            };
            bank.query(asked).await.unwrap();
            if *row == ROW {
                answered = gateway.size() - 1;
            }
        }
        for n in 0..hour % 4 {
            refused = no(&gateway, &bank, n).await;
        }
        bank.close().await.unwrap();
        of_bank_b = other_bank(&gateway, hour).await;
        gateway.clock.advance_ms(HOUR_MS);
    }
    let past = Past {
        answered,
        refused,
        of_bank_b,
    };
    (gateway, past)
}

/// A question that is refused; the reasons take turns.
async fn no(gateway: &Gateway, bank: &Client, turn: u64) -> u64 {
    let good = question(1, &[7; 16]);
    let asked = match turn {
        0 => v1::Query {
            purpose: "marketing.campaign".to_owned(),
            ..good
        },
        1 => v1::Query {
            signals: vec!["unheard_of@1".to_owned()],
            ..good
        },
        _ => v1::Query {
            agreement_id: "none-of-theirs".to_owned(),
            ..good
        },
    };
    assert!(bank.query(asked).await.is_err());
    gateway.size() - 1
}

/// Bank B asks by an agreement of its own, and once by another's.
async fn other_bank(gateway: &Gateway, hour: u64) -> u64 {
    let bank = lib_client(gateway, BANK_B, Suite::X25519).await;
    if hour.is_multiple_of(3) {
        assert!(
            bank.query(question(2, &[7; 16])).await.is_err(),
            "{AGREEMENT} is bank A's"
        );
        return gateway.size() - 1;
    }
    let lender = lib_client(gateway, crate::support::LENDER, Suite::X25519).await;
    let row = 20 + hour;
    let consent = granted(&bank, row, terms(BANK_B.id, gateway.now())).await;
    confirm(&lender, row, &consent).await;
    let asked = v1::Query {
        agreement_id: "wide-b".to_owned(),
        ..question(row, &consent)
    };
    bank.query(asked).await.unwrap();
    gateway.size() - 1
}
