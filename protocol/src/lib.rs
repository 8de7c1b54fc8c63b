//! Wire types of every dialect presence-hub speaks.
