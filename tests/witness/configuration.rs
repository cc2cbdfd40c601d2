//! What `check-config` refuses, and that the page's own example is read.
use super::*;
use tollgate::{app::check_witnesses, config::Config};

const PAGE: &str = include_str!("../../docs/operating/witnesses.md");

fn refusal(place: &Place) -> String {
    match Config::load(&place.site().config()) {
        Ok(config) => check_witnesses(&config).unwrap_err().to_string(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn the_pages_tables_are_a_configuration() {
    let place = Place::new();
    let tables = PAGE
        .split("```toml\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap());
    let mut text = place.read("gateway.toml");
    for table in tables {
        match table.strip_prefix("[listen]\n") {
            Some(listen) => {
                let (line, rest) = listen.split_once("\n\n").unwrap();
                text = swapped(&text, "[listen]\n", &format!("[listen]\n{line}\n")) + "\n" + rest;
            }
            None => text = text + "\n" + table,
        }
    }
    place.write("gateway.toml", &text);
    let config = place.config();
    assert_eq!(config.witness.unwrap().logs.len(), 1);
    assert_eq!(config.witnesses.unwrap().list.len(), 1);
}

#[test]
fn a_witness_is_configured_whole_or_not_at_all() {
    let log = VerifierKey::encode(LOG, &signer(7).public_key());
    let one = |from: &str, to: &str| {
        let (place, _) = witness_place(std::slice::from_ref(&log));
        place.swap("gateway.toml", from, to);
        refusal(&place)
    };
    let logs = format!("logs = [{log:?}]");
    for (from, to, says) in [
        ("\nwitness = \"127.0.0.1:0\"", "", "needs an address"),
        (logs.as_str(), "logs = []", "1 to 256 verifier keys"),
        (&logs, "logs = [\"x\"]", "verifier key is malformed"),
        (&logs, &format!("logs = [{log:?}, {log:?}]"), "stands twice"),
        ("\"witness.key\"", "\"log.vkey\"", "not an Ed25519 key in PEM"),
        (WITNESS, "a name", "without white space"),
    ] {
        let error = one(from, to);
        assert!(error.contains(says), "{error}");
    }
    let table = "[listen]\nwitness = \"127.0.0.1:0\"";
    let place = Place::new();
    place.swap("gateway.toml", "[listen]", table);
    assert!(refusal(&place).contains("needs a table `[witness]`"));
}

#[test]
fn witnesses_that_are_asked_are_checked() {
    let log = VerifierKey::encode(LOG, &signer(7).public_key());
    let (other, key) = witness_place(std::slice::from_ref(&log));
    let table = asks(&other, &key, "127.0.0.1:9".parse().unwrap());
    check_witnesses(&log_place(&table).config()).unwrap();
    let (_, entry) = table.split_once("[[witnesses.list]]").unwrap();
    let twice = format!("{table}[[witnesses.list]]{entry}");
    for (changed, says) in [
        (
            swapped(&table, "min = 1", "min = 2"),
            "from 1 to the number of witnesses",
        ),
        (
            swapped(&table, "min = 1", "min = 0"),
            "from 1 to the number of witnesses",
        ),
        (swapped(&table, "every_s = 5", "every_s = 4"), "from 5 to 3600"),
        (swapped(&table, "https:", "http:"), "https://host:port"),
        (swapped(&table, site::GATEWAY, "https://x"), "`roots, uri`"),
        (
            swapped(&table, WITNESS, "renamed.test/witness"),
            "witness key is malformed",
        ),
        (swapped(&table, "tls.pem", "tls.key"), "no certificate in PEM"),
        (twice, "the key of another witness"),
    ] {
        let error = refusal(&log_place(&changed));
        assert!(error.contains(says), "{says}: {error}");
    }
}
