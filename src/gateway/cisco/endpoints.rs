//! One endpoint, and how ids are given: the lowest that is free, because some clients read only the last digit.

use std::collections::BTreeMap;

use crate::core::Mono;
use crate::egress::Target;

/// Where an application user is called.
#[derive(Debug)]
pub(super) struct Endpoint {
    pub(super) target: Target,
    pub(super) until: Mono,
}

/// The lowest id that is free, from 1; `None` if `most` are taken.
pub(super) fn free_id<T>(taken: &BTreeMap<u32, T>, most: usize) -> Option<u32> {
    if taken.len() >= most {
        return None;
    }
    let gap = (1_u32..).zip(taken.keys()).find(|(id, taken)| id != *taken).map(|(id, _)| id);
    gap.or_else(|| u32::try_from(taken.len()).ok()?.checked_add(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_lowest_free_id_is_given(taken in prop::collection::btree_set(1_u32..12, 0..12)) {
            let taken: BTreeMap<u32, ()> = taken.into_iter().map(|id| (id, ())).collect();
            let id = free_id(&taken, 12).unwrap();
            prop_assert!(!taken.contains_key(&id) && (1..id).all(|lower| taken.contains_key(&lower)));
            prop_assert_eq!(free_id(&taken, taken.len()), None);
        }
    }
}
