//! Addresses of pages: parameters are written here and nowhere else, so none is written unescaped.

/// A path with a query of the parameters that say something.
pub(super) fn link<'a>(path: &str, parameters: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut out = path.to_owned();
    let mut mark = '?';
    for (name, value) in parameters.into_iter().filter(|(_, value)| !value.is_empty()) {
        out.push(mark);
        escape(name, &mut out);
        out.push('=');
        escape(value, &mut out);
        mark = '&';
    }
    out
}

/// Everything but the unreserved characters of RFC 3986, section 2.3.
fn escape(text: &str, out: &mut String) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
            continue;
        }
        out.push('%');
        for half in [byte >> 4, byte & 15] {
            out.extend(HEX.get(usize::from(half)).copied().map(char::from));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_escaped_and_empty_ones_left_out() {
        assert_eq!(link("/search", []), "/search");
        assert_eq!(link("/search", [("a", ""), ("b", "x")]), "/search?b=x");
        let made = link("/s", [("m", "/t.v1/Q&x=1"), ("z", "中 +")]);
        assert_eq!(made, "/s?m=%2Ft.v1%2FQ%26x%3D1&z=%E4%B8%AD%20%2B");
    }
}
