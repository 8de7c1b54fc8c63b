//! The query that the older clients put behind the namespace.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// The pairs of a query in their order, decoded: `+` is a space, `%41` is an `A`. A name without `=` has an empty value. What
/// decodes to no text stays as it was written, so that two different values never become the same.
pub fn pairs(query: &str) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decoded(name), decoded(value))
    })
}

fn decoded(text: &str) -> Cow<'_, str> {
    if !text.contains('+') {
        return percent_decode_str(text).decode_utf8().unwrap_or(Cow::Borrowed(text));
    }
    let spaced = text.replace('+', " ");
    match percent_decode_str(&spaced).decode_utf8() {
        Ok(decoded) => Cow::Owned(decoded.into_owned()),
        Err(_) => Cow::Borrowed(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> Vec<(String, String)> {
        pairs(query).map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
    }

    #[test]
    fn queries_are_decoded() {
        for (query, expected) in [
            ("", vec![]),
            ("&&", vec![]),
            ("token=T1&tokenType=jwt", vec![("token", "T1"), ("tokenType", "jwt")]),
            ("token=T1%3Djwt&a%20b=c+d", vec![("token", "T1=jwt"), ("a b", "c d")]),
            ("token=T1=jwt", vec![("token", "T1=jwt")]),
            ("batchRoster", vec![("batchRoster", "")]),
            ("a=1&a=2&=3", vec![("a", "1"), ("a", "2"), ("", "3")]),
            ("u=http://h/p?q", vec![("u", "http://h/p?q")]),
            ("n=%00%E2%82%AC", vec![("n", "\0€")]),
        ] {
            let expected: Vec<_> =
                expected.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
            assert_eq!(read(query), expected, "{query}");
        }
    }

    #[test]
    fn what_decodes_to_no_text_stays_as_it_was_written() {
        for bad in ["%", "%4", "%zz", "%ff", "a+%ff", "100%"] {
            assert_eq!(read(&format!("t={bad}")), [("t".to_owned(), bad.to_owned())]);
        }
    }
}
