//! The mark below which no timetoken is given out again: kept in a file, ahead of what has been given out.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::core::{Timetoken, Wall};

/// How far ahead of the time the mark is set. It must be set again before that has passed.
const AHEAD: Duration = Duration::from_secs(60);

/// How often to set it.
pub const EVERY: Duration = Duration::from_secs(20);

/// The mark's file.
#[derive(Debug, Clone)]
pub struct HighWater(PathBuf);

impl HighWater {
    /// The mark kept in a folder, which is made if it is not there.
    ///
    /// # Errors
    /// The folder cannot be made.
    pub fn open(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        Ok(Self(folder.join("timetoken")))
    }

    /// The mark; 0 if none was set yet.
    ///
    /// # Errors
    /// The file cannot be read or does not hold a number.
    pub fn load(&self) -> io::Result<Timetoken> {
        match fs::read_to_string(&self.0) {
            Ok(text) => {
                let why = |error| io::Error::new(io::ErrorKind::InvalidData, error);
                text.trim().parse().map(Timetoken).map_err(why)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Timetoken(0)),
            Err(error) => Err(error),
        }
    }

    /// Sets the mark ahead of `now`, and never back; it is on the disk when this returns.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn reserve(&self, now: Wall) -> io::Result<()> {
        let ahead = u64::try_from(AHEAD.as_nanos() / 100).unwrap_or(u64::MAX);
        let mark = self.load()?.0.max(now.0.saturating_add(ahead));
        let fresh = self.0.with_extension("new");
        let mut file = File::create(&fresh)?;
        writeln!(file, "{mark}")?;
        file.sync_all()?;
        fs::rename(&fresh, &self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_is_ahead_of_the_time_and_never_goes_back() {
        let folder = std::env::temp_dir().join(format!("presence-hub-mark-{}", std::process::id()));
        let mark = HighWater::open(&folder).unwrap();
        assert_eq!(mark.load().unwrap(), Timetoken(0));
        mark.reserve(Wall(17_000_000_000_000_000)).unwrap();
        let first = mark.load().unwrap();
        assert_eq!(first.0, 17_000_000_600_000_000);
        mark.reserve(Wall(16_000_000_000_000_000)).unwrap();
        assert_eq!(HighWater::open(&folder).unwrap().load().unwrap(), first);
        fs::write(folder.join("timetoken"), "nonsense").unwrap();
        assert!(mark.load().is_err(), "a damaged mark is not ignored");
        fs::remove_dir_all(folder).unwrap();
    }
}
