//! The export as CSV (RFC 4180) that a spreadsheet opens as it is, in Chinese too: a byte-order mark tells that it is
//! UTF-8, and no cell is taken for a formula. For reading; what can be verified is the export in JSON Lines.
use super::export::EntryLine;

const BYTE_ORDER_MARK: &str = "\u{feff}";
/// Names of the columns, in both languages of the glossary.
const COLUMNS: [&str; 9] = [
    "序号 entry",
    "时间 time (UTC)",
    "种类 kind",
    "结果 class",
    "拒绝代码 refusal",
    "对端 peer",
    "机构 partner",
    "协议 agreement",
    "方法 method",
];
/// What makes a spreadsheet take a cell for a formula (OWASP, CSV injection).
const FORMULA: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// The first line.
pub(super) fn head() -> String {
    format!("{BYTE_ORDER_MARK}{}", row(COLUMNS.into_iter()))
}

/// The line of an entry.
pub(super) fn line(entry: &EntryLine) -> String {
    let seq = entry.seq.to_string();
    let time = entry.time.replace('T', " ").replace('Z', "");
    row([
        seq.as_str(),
        &time,
        &entry.kind,
        &entry.class,
        &entry.refusal,
        &entry.peer,
        &entry.partner,
        &entry.agreement,
        &entry.method,
    ]
    .into_iter())
}

/// A row of cells, none of which a spreadsheet takes for a formula.
pub fn row<'a>(cells: impl Iterator<Item = &'a str>) -> String {
    let cells: Vec<String> = cells.map(cell).collect();
    cells.join(",") + "\r\n"
}

fn cell(text: &str) -> String {
    let apostrophe = if text.starts_with(FORMULA) { "'" } else { "" };
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{apostrophe}{}\"", text.replace('"', "\"\""))
    } else {
        format!("{apostrophe}{text}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula_or_breaks_its_row() {
        assert_eq!(cell("=HYPERLINK(\"x\")"), "\"'=HYPERLINK(\"\"x\"\")\"");
        assert_eq!(cell("-1"), "'-1");
        assert_eq!(cell("a,b\nc"), "\"a,b\nc\"");
        assert_eq!(
            cell("spiffe://bank-a.example/partner/bank-a"),
            "spiffe://bank-a.example/partner/bank-a"
        );
        assert!(head().starts_with("\u{feff}序号 entry,"));
    }
}
