//! Pages that are one file: escaped by construction, printed as they stand, without script.
use crate::domain::Language;

/// Text that may stand in a page: everything that is not markup of ours is escaped on its way in.
#[derive(Debug, Default)]
pub struct Html(String);

const STYLE: &str = include_str!("page.css");

impl Html {
    /// The start of a page.
    pub fn begin(language: Language, title: &str) -> Self {
        let mut page = Self(String::new());
        page.markup("<!DOCTYPE html>\n<html lang=\"").markup(language.tag());
        page.markup("\">\n<head>\n<meta charset=\"utf-8\">\n")
            .markup("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>")
            .text(title);
        page.markup("</title>\n<style>\n")
            .markup(STYLE)
            .markup("</style>\n</head>\n<body>\n");
        page
    }

    /// Markup, which is ours and holds no value.
    pub fn markup(&mut self, markup: &'static str) -> &mut Self {
        self.0.push_str(markup);
        self
    }

    /// A value.
    pub fn text(&mut self, text: &str) -> &mut Self {
        for c in text.chars() {
            match c {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                // Controls and what turns the direction of text would show something else than what stands there.
                c if c.is_control() && c != '\n' => self.0.push('\u{fffd}'),
                '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => self.0.push('\u{fffd}'),
                c => self.0.push(c),
            }
        }
        self
    }

    /// `<p>` with a value.
    pub fn paragraph(&mut self, text: &str) -> &mut Self {
        self.markup("<p>").text(text).markup("</p>\n")
    }

    /// A heading of the second rank.
    pub fn heading(&mut self, text: &str) -> &mut Self {
        self.markup("<h2>").text(text).markup("</h2>\n")
    }

    /// A table with a row of headings.
    pub fn table(&mut self, head: &[&str], rows: &[Vec<String>]) -> &mut Self {
        self.markup("<table>\n<thead><tr>");
        for cell in head {
            self.markup("<th scope=\"col\">").text(cell).markup("</th>");
        }
        self.markup("</tr></thead>\n<tbody>\n");
        for row in rows {
            self.markup("<tr>");
            for cell in row {
                self.markup("<td>").text(cell).markup("</td>");
            }
            self.markup("</tr>\n");
        }
        self.markup("</tbody>\n</table>\n")
    }

    /// The whole page.
    pub fn end(mut self) -> String {
        self.markup("</body>\n</html>\n");
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_never_markup() {
        let mut page = Html::begin(Language::Chinese, "</title><script>alert(1)</script>");
        page.paragraph("<b onclick='x'>&\u{202e}\u{0}")
            .table(&["a\""], &[vec!["</td>".to_owned()]]);
        let text = page.end();
        assert!(
            !text.contains("<script") && !text.contains("<b ") && !text.contains("</td></td>"),
            "{text}"
        );
        assert!(
            text.contains("&lt;b onclick=&#39;x&#39;&gt;&amp;\u{fffd}\u{fffd}"),
            "{text}"
        );
        assert!(text.starts_with("<!DOCTYPE html>\n<html lang=\"zh\">"));
    }
}
