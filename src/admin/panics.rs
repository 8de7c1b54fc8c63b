//! Panics: counted and logged, for a panic ends one task and not the hub.

use std::any::Any;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::panic::{self, PanicHookInfo};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::log::Safe;

static PANICS: AtomicU64 = AtomicU64::new(0);

/// From now on panics of the process are counted, and logged rather than printed: their text may hold a client's.
pub fn watch() {
    panic::set_hook(Box::new(report));
}

/// How many there were in this process since [`watch`].
#[must_use]
pub fn count() -> u64 {
    PANICS.load(Relaxed)
}

fn report(info: &PanicHookInfo<'_>) {
    PANICS.fetch_add(1, Relaxed);
    let place = info.location().map(ToString::to_string).unwrap_or_default();
    let backtrace = Backtrace::capture();
    let what = Safe(text(info.payload()));
    if backtrace.status() == BacktraceStatus::Captured {
        tracing::error!(%place, %what, %backtrace, "a task panicked");
    } else {
        tracing::error!(%place, %what, "a task panicked");
    }
}

fn text(payload: &dyn Any) -> &str {
    let owned = payload.downcast_ref::<String>().map(String::as_str);
    owned.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("something that is no text")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_said_is_found() {
        assert_eq!(text(&"said"), "said");
        assert_eq!(text(&"said".to_owned()), "said");
        assert_eq!(text(&5), "something that is no text");
    }
}
