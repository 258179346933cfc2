//! A set of permissions in one machine word pair: what a policy entry or a role comes down to, so that asking costs nothing.

use super::permission::{Area, PERMISSIONS, Permission};

/// Permissions.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct PermissionSet(u128);

// One bit each.
const _: () = assert!(PERMISSIONS.len() <= u128::BITS as usize);

impl PermissionSet {
    /// None at all.
    pub const EMPTY: Self = Self(0);

    /// These.
    pub const fn of(permissions: &[Permission]) -> Self {
        let mut bits = 0;
        let mut rest = permissions;
        while let [first, others @ ..] = rest {
            bits |= 1 << *first as u32;
            rest = others;
        }
        Self(bits)
    }

    /// All there are.
    pub fn all() -> Self {
        PERMISSIONS.iter().map(|row| row.permission).collect()
    }

    /// All of an area.
    pub const fn area(area: Area) -> Self {
        let (mut bits, mut index) = (0, 0);
        while index < PERMISSIONS.len() {
            if PERMISSIONS[index].area as u8 == area as u8 {
                bits |= 1 << index;
            }
            index += 1;
        }
        Self(bits)
    }

    /// Whether one is in it.
    pub const fn contains(self, permission: Permission) -> bool {
        self.0 & (1 << permission as u32) != 0
    }

    /// Whether there is nothing in it.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// What is in either.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What is in both.
    #[must_use]
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// What is in this one alone.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// All of them, in the order of the table.
    pub fn iter(self) -> impl Iterator<Item = Permission> {
        PERMISSIONS.iter().map(|row| row.permission).filter(move |permission| self.contains(*permission))
    }
}

impl FromIterator<Permission> for PermissionSet {
    fn from_iter<I: IntoIterator<Item = Permission>>(permissions: I) -> Self {
        permissions.into_iter().fold(Self::EMPTY, |set, permission| set.union(Self::of(&[permission])))
    }
}

impl std::fmt::Debug for PermissionSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn some() -> impl Strategy<Value = Vec<Permission>> {
        proptest::collection::vec((0..PERMISSIONS.len()).prop_map(|index| PERMISSIONS[index].permission), 0..20)
    }

    proptest! {
        #[test]
        fn it_holds_what_was_put_into_it(left in some(), right in some()) {
            let (a, b) = (PermissionSet::of(&left), PermissionSet::of(&right));
            for row in &PERMISSIONS {
                let (in_left, in_right) = (left.contains(&row.permission), right.contains(&row.permission));
                prop_assert_eq!(a.contains(row.permission), in_left);
                prop_assert_eq!(a.union(b).contains(row.permission), in_left || in_right);
                prop_assert_eq!(a.intersection(b).contains(row.permission), in_left && in_right);
                prop_assert_eq!(a.without(b).contains(row.permission), in_left && !in_right);
            }
            prop_assert_eq!(a.iter().collect::<PermissionSet>(), a);
            prop_assert_eq!(a.is_empty(), left.is_empty());
        }
    }
}
