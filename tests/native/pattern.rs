//! How a frame is compared with what a scenario expects of it.

use std::collections::BTreeMap;

use serde_json::Value;

/// What earlier frames told, by the names the scenario gave it.
pub(crate) type Kept = BTreeMap<String, Value>;

/// Compares, and says where the two differ. Objects may have more members than expected. Strings that begin with `$` are
/// special: `$any`, `$absent`, `$uuid`, `$timetoken`, `$time` (an ISO instant), `$keep NAME` (take and remember), `$same NAME` (as remembered).
pub(crate) fn compare(
    expected: &Value,
    found: Option<&Value>,
    kept: &mut Kept,
    at: &str,
) -> Result<(), String> {
    if let Value::String(text) = expected
        && let Some(rule) = text.strip_prefix('$')
    {
        return special(rule, found, kept, at);
    }
    let Some(found) = found else { return Err(format!("{at} is missing, expected {expected}")) };
    match (expected, found) {
        (Value::Object(expected), Value::Object(members)) => {
            for (key, value) in expected {
                compare(value, members.get(key), kept, &format!("{at}.{key}"))?;
            }
            Ok(())
        }
        (Value::Array(expected), Value::Array(items)) => {
            if expected.len() != items.len() {
                return Err(format!("{at} has {} items, expected {}: {found}", items.len(), expected.len()));
            }
            for (place, (expected, item)) in expected.iter().zip(items).enumerate() {
                compare(expected, Some(item), kept, &format!("{at}[{place}]"))?;
            }
            Ok(())
        }
        _ if expected == found => Ok(()),
        _ => Err(format!("{at} is {found}, expected {expected}")),
    }
}

fn special(rule: &str, found: Option<&Value>, kept: &mut Kept, at: &str) -> Result<(), String> {
    if rule == "absent" {
        return found.map_or(Ok(()), |found| Err(format!("{at} should be absent, is {found}")));
    }
    let Some(found) = found else { return Err(format!("{at} is missing, expected ${rule}")) };
    let text = found.as_str().unwrap_or_default();
    let is_right = match rule.split_once(' ') {
        Some(("keep", name)) => {
            kept.insert(name.to_owned(), found.clone());
            true
        }
        Some(("same", name)) => kept.get(name) == Some(found),
        Some(("not", name)) => kept.get(name) != Some(found),
        _ => match rule {
            "any" => true,
            "uuid" => uuid::Uuid::parse_str(text).is_ok(),
            "timetoken" => text.len() == 17 && text.bytes().all(|byte| byte.is_ascii_digit()),
            "time" => chrono::DateTime::parse_from_rfc3339(text).is_ok(),
            "text" => !text.is_empty(),
            _ => panic!("the scenario uses ${rule}, which means nothing"),
        },
    };
    if is_right { Ok(()) } else { Err(format!("{at} is {found}, expected ${rule}")) }
}

/// Puts what was kept in the places of `$same NAME` strings of a frame to be sent.
pub(crate) fn filled(frame: &Value, kept: &Kept) -> Value {
    match frame {
        Value::String(text) => match text.strip_prefix("$same ") {
            Some(name) => kept.get(name).cloned().unwrap_or_else(|| panic!("nothing is kept as {name}")),
            None => frame.clone(),
        },
        Value::Array(items) => items.iter().map(|item| filled(item, kept)).collect(),
        Value::Object(members) => {
            Value::Object(members.iter().map(|(key, value)| (key.clone(), filled(value, kept))).collect())
        }
        other => other.clone(),
    }
}

#[test]
fn a_difference_is_named_by_its_place() {
    let mut kept = Kept::new();
    let compare = |expected: &str, found: &str, kept: &mut Kept| {
        let (expected, found): (Value, Value) =
            (serde_json::from_str(expected).unwrap(), serde_json::from_str(found).unwrap());
        compare(&expected, Some(&found), kept, "")
    };
    assert_eq!(compare(r#"{"a":"$keep x"}"#, r#"{"a":5,"b":1}"#, &mut kept), Ok(()));
    assert_eq!(compare(r#"{"a":"$same x"}"#, r#"{"a":5}"#, &mut kept), Ok(()));
    assert_eq!(
        compare(r#"{"a":"$same x"}"#, r#"{"a":6}"#, &mut kept),
        Err(".a is 6, expected $same x".into())
    );
    assert_eq!(
        compare(r#"{"a":"$absent"}"#, r#"{"a":1}"#, &mut kept),
        Err(".a should be absent, is 1".into())
    );
    assert!(compare(r#"{"a":[1]}"#, r#"{"a":[1,2]}"#, &mut kept).is_err());
}
