//! What filters mean, against a reading of the language by hand; and that any text is read or refused.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn wants(filter: &str, meta: &Value) -> bool {
    let data = json!({"text": "Hello", "tags": ["a", 2, true], "n": {"deep": 4}});
    Filter::parse(filter).unwrap().wants(Facts { meta: Some(meta), data: Some(&data) })
}

#[test]
fn the_language_means_what_its_page_says() {
    let meta = json!({"lang": "en", "uuid": "ana", "n": 5, "half": 0.5, "ok": true, "list": ["x", "y"], "team": {"name": "Denver-Broncos"}, "none": null});
    for wanted in [
        "lang == 'en'",
        "lang=='en'&&n==5",
        r#"lang == "en" || nope == 1"#,
        "nope == 1 || lang == 'en'",
        "!(lang == 'de')",
        "lang != 'de' && n != 6 && n != '5'",
        "n > 4 && n >= 5 && n < 6 && n <= 5",
        "lang < 'fr'",
        "n % 2 == 1 && n + 1 == 6 && n - 1 == 4 && n * 2 == 10 && n / 2 == 2.5",
        "1 + 2 * 3 == 7 && (1 + 2) * 3 == 9 && 10 - 2 - 3 == 5 && -n == 0 - 5",
        "lang like 'E*'",
        "team.name LIKE '*broncos'",
        "team['name'] like 'den*bro*s' && team.name like '*'",
        "team.name contains 'Broncos'",
        "list contains 'y' && data.tags contains 2",
        "list[1] == 'y' && data.tags[2]",
        "meta.lang == 'en' && data.text == 'Hello' && data.n.deep == 4",
        "ok && ok == true && half",
        r"'it\'s' == 'it\'s'",
        "uuid == 'ana'",
        "false || true && true",
        "data['n'][\"deep\"] == 4",
    ] {
        assert!(wants(wanted, &meta), "{wanted}");
    }
    for unwanted in [
        "lang == 'de'",
        "lang == 'EN'",
        "nope == 1",
        "nope != 1",
        "!(nope == 1)",
        "!nope",
        "nope",
        "n > 'a'",
        "!(n > 'a')",
        "n / 0 == 0",
        "lang + 1 == 1",
        "team.name contains 'broncos'",
        "list[2] == 'y'",
        "list['y'] == 'y'",
        "list[0-1] == 'x'",
        "none",
        "lang == 'en' && nope == 1",
        "list like 'x'",
        "'a' like 'a*a'",
    ] {
        assert!(!wants(unwanted, &meta), "{unwanted}");
    }
    let presence = json!({"pn_action": "join", "pn_ispresence": 1, "pn_uuid": "ben"});
    assert!(wants("pn_ispresence == 1", &presence) && !wants("uuid == 'x'", &presence));
    assert!(!Filter::parse("a == 1").unwrap().wants(Facts::default()));
}

#[test]
fn the_deepest_brackets_are_looked_into_once() {
    // Looked at twice on each level this would go on for minutes.
    for (decided, sides) in [("true", ["true&&(", ")&&true"]), ("true", ["false||(", ")||false"])] {
        let deep = (0..31).fold(decided.to_owned(), |inner, _| format!("{}{inner}{}", sides[0], sides[1]));
        assert!(wants(&deep, &json!({})), "{deep}");
    }
}

#[test]
fn what_is_not_the_language_is_refused() {
    for bad in [
        "",
        " ",
        "a ==",
        "== 1",
        "a = 1",
        "a & b",
        "(a",
        "a)",
        "a b",
        "'a",
        "\"a'",
        "a[1",
        "a.",
        "1.2.3",
        "a === 1",
        "a likes 'b'",
        "&&",
        "!",
        "a ! b",
        "é€",
        "a[]",
        "'a\\",
    ] {
        assert!(Filter::parse(bad).is_err(), "{bad}");
    }
    assert_eq!(Filter::parse("a == "), Err(Fault::bad_filter("a value is expected at character 6")));
    for long in ["(".repeat(4000), "!".repeat(4000), "a+".repeat(2000), "a[".repeat(1000), "x".repeat(5000)] {
        assert!(Filter::parse(&long).is_err());
    }
    assert!(Filter::parse(&format!("{}a{}", "(".repeat(32), ")".repeat(32))).is_ok());
    assert!(Filter::parse(&format!("a{}", " && a".repeat(127))).is_ok());
}

/// A filter as text, and what it comes to for `meta()`.
#[derive(Debug, Clone)]
struct Case {
    text: String,
    truth: Option<bool>,
}

fn meta() -> Value {
    json!({"one": 1, "two": 2, "word": "word"})
}

/// A calculation as text, and what it comes to.
type Calculation = (String, Option<i32>);

fn number() -> impl Strategy<Value = Calculation> {
    let leaf = prop_oneof![
        (0..4_i32).prop_map(|number| (number.to_string(), Some(number))),
        Just(("one".to_owned(), Some(1))),
        Just(("meta.two".to_owned(), Some(2))),
        Just(("nope".to_owned(), None)),
        Just(("word".to_owned(), None)),
    ];
    let sum = |((one, a), sign, (other, b)): (Calculation, char, Calculation)| {
        let value = a.zip(b).map(|(a, b)| match sign {
            '+' => a + b,
            '-' => a - b,
            _ => a * b,
        });
        (format!("({one} {sign}{other})"), value)
    };
    let sign = || prop_oneof![Just('+'), Just('-'), Just('*')];
    leaf.prop_recursive(2, 8, 2, move |inner| (inner.clone(), sign(), inner).prop_map(sum))
}

fn comparison() -> impl Strategy<Value = Case> {
    (number(), 0..6_usize, number()).prop_map(|((one, a), sign, (other, b))| {
        let text = format!("{one} {} {other}", ["==", "!=", "<", "<=", ">", ">="][sign]);
        // A word is known, but is no number: it equals none and is in no order with one.
        let is_word = |text: &str| text == "word";
        let truth = match (a, b) {
            (Some(a), Some(b)) => Some([a == b, a != b, a < b, a <= b, a > b, a >= b][sign]),
            _ if is_word(&one) && is_word(&other) => Some([true, false, false, true, false, true][sign]),
            (Some(_), None) if is_word(&other) => [Some(false), Some(true), None, None, None, None][sign],
            (None, Some(_)) if is_word(&one) => [Some(false), Some(true), None, None, None, None][sign],
            _ => None,
        };
        Case { text, truth }
    })
}

fn case() -> impl Strategy<Value = Case> {
    comparison().prop_recursive(4, 16, 2, |inner| {
        prop_oneof![
            inner.clone().prop_map(|case| Case {
                text: format!("!({})", case.text),
                truth: case.truth.map(|truth| !truth)
            }),
            (inner.clone(), any::<bool>(), inner).prop_map(|(one, is_or, other)| {
                let sides = [one.truth, other.truth];
                let truth = if sides.contains(&Some(is_or)) {
                    Some(is_or)
                } else if sides.contains(&None) {
                    None
                } else {
                    Some(!is_or)
                };
                let sign = if is_or { "||" } else { "&&" };
                Case { text: format!("({}){sign}({})", one.text, other.text), truth }
            }),
        ]
    })
}

/// By trying everything that a star can stand for.
fn is_like(text: &[char], form: &[char]) -> bool {
    match form.split_first() {
        None => text.is_empty(),
        Some(('*', rest)) => (0..=text.len()).any(|from| is_like(&text[from..], rest)),
        Some((letter, rest)) => {
            text.split_first().is_some_and(|(first, more)| first == letter && is_like(more, rest))
        }
    }
}

proptest! {
    #[test]
    fn it_agrees_with_a_reading_by_hand(case in case()) {
        let meta = meta();
        let facts = Facts { meta: Some(&meta), data: None };
        let filter = Filter::parse(&case.text);
        // Only a filter with too many parts is refused.
        if let Ok(filter) = filter {
            prop_assert_eq!(truth(filter.node.value(facts)), case.truth, "{}", case.text);
        } else {
            prop_assert!(case.text.len() > 200, "{}", case.text);
        }
    }

    #[test]
    fn like_agrees_with_trying_everything(text in "[ab]{0,8}", form in "[ab*]{0,6}") {
        let letters = |text: &str| text.chars().collect::<Vec<_>>();
        let expected = is_like(&letters(&text), &letters(&form));
        prop_assert_eq!(wants(&format!("'{text}' like '{form}'"), &json!({})), expected);
    }

    #[test]
    fn any_text_is_read_or_refused(
        text in "([a-c()!<>=&|.'\"\\\\\\[\\]0-9+*/% -]|==|&&|like|contains|é|.){0,40}", meta in "[ab]"
    ) {
        if let Ok(filter) = Filter::parse(&text) {
            let meta = json!({meta: 1, "c": {"a": ["b"]}});
            filter.wants(Facts { meta: Some(&meta), data: Some(&meta) });
        }
    }
}
