//! Pages of signals.
use super::*;
use crate::{app::judge_by, config::Config};

/// The sample's view, with its signals in another order than that of their names.
fn view() -> View {
    let folder = tempfile::tempdir().unwrap();
    let free = "127.0.0.1:0".parse().unwrap();
    let rng = crate::crypto::SystemRng::default();
    let now = crate::clock::Clock::now(&crate::clock::SystemClock);
    let site = crate::app::site::Site::make(&folder.path().join("site"), free, free, now, &rng).unwrap();
    let path = site.folder().join("signals.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let mut parts = text.split("\n[[signal]]");
    let head = parts.next().unwrap().to_owned();
    let mut signals: Vec<_> = parts.map(|part| format!("\n[[signal]]{part}\n")).collect();
    signals.reverse();
    std::fs::write(&path, head + &signals.concat()).unwrap();
    judge_by(&Config::load(&site.config()).unwrap()).unwrap()
}

#[test]
fn pages_give_every_signal_once_in_whatever_order_the_file_has_them() {
    let view = view();
    let all: Vec<String> = view
        .signals
        .iter()
        .filter(|s| !s.retired())
        .map(|s| s.id().to_string())
        .collect();
    assert!(all.len() > 3 && !all.is_sorted(), "{all:?}");
    for page_size in [1, 2, 3] {
        let (mut listed, mut page_token) = (Vec::new(), String::new());
        loop {
            let answer = page(&view, &v1::ListSignalsRequest { page_size, page_token }).unwrap();
            listed.extend(answer.signals.into_iter().map(|s| s.signal));
            page_token = answer.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        assert_eq!(listed, all, "by {page_size}");
    }
    let page_token = "no_such_signal@1".to_owned();
    let unknown = page(
        &view,
        &v1::ListSignalsRequest {
            page_size: 1,
            page_token,
        },
    );
    assert_eq!(unknown.err(), Some(Code::FieldInvalid));
}
