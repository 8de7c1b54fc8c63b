//! The mark below which no timetoken is given out again: kept in a file, ahead of what has been given out.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::core::{Timetoken, Wall};

/// How far ahead of the time the mark is set. It must be set again before that has passed.
const AHEAD: Duration = Duration::from_secs(60);

/// How far ahead of what may have been given out already, where that is ahead of the time: much more than can be given out before the
/// mark is set again.
const BEYOND: Duration = Duration::from_secs(1);

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

    /// Sets the mark ahead of `now` and of what has been given out, and never back; it is on the disk when this returns.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn reserve(&self, now: Wall, given: Timetoken) -> io::Result<()> {
        let after = |at: u64, span: Duration| at.saturating_add(ticks(span));
        let mark = self.load()?.0.max(after(now.0, AHEAD)).max(after(given.0, BEYOND));
        let fresh = self.0.with_extension("new");
        let mut file = File::create(&fresh)?;
        writeln!(file, "{mark}")?;
        file.sync_all()?;
        fs::rename(&fresh, &self.0)?;
        // The new name is on the disk only when its folder is.
        self.0.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
    }
}

/// A span in the ticks of timetokens.
#[must_use]
pub fn ticks(span: Duration) -> u64 {
    u64::try_from(span.as_nanos() / 100).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder that is gone when the test is.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            Self(std::env::temp_dir().join(format!("presence-hub-{name}-{}", std::process::id())))
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).unwrap();
        }
    }

    #[test]
    fn the_mark_is_ahead_of_the_time_and_never_goes_back() {
        let folder = Folder::new("mark");
        let mark = HighWater::open(&folder.0.join("made/on/the/way")).unwrap();
        assert_eq!(mark.load().unwrap(), Timetoken(0));
        for (now, kept) in [
            (17_000_000_000_000_000, 17_000_000_600_000_000),
            (16_000_000_000_000_000, 17_000_000_600_000_000),
            (17_000_000_000_000_001, 17_000_000_600_000_001),
            (u64::MAX, u64::MAX),
        ] {
            mark.reserve(Wall(now), Timetoken(0)).unwrap();
            assert_eq!(mark.load().unwrap(), Timetoken(kept), "{now}");
            let again = HighWater::open(&folder.0.join("made/on/the/way")).unwrap();
            assert_eq!(again.load().unwrap(), Timetoken(kept), "{now}");
        }
    }

    #[test]
    fn what_was_given_out_ahead_of_the_time_is_not_given_out_again() {
        let folder = Folder::new("given");
        let mark = HighWater::open(&folder.0).unwrap();
        let now = Wall(17_000_000_000_000_000);
        mark.reserve(now, Timetoken(0)).unwrap();
        for _ in 0..3 {
            let floor = mark.load().unwrap();
            mark.reserve(now, floor).unwrap();
            assert_eq!(mark.load().unwrap(), Timetoken(floor.0 + 10_000_000));
        }
    }

    #[test]
    fn a_damaged_mark_is_not_ignored() {
        let folder = Folder::new("damaged");
        let mark = HighWater::open(&folder.0).unwrap();
        for text in ["", "nonsense", "-1", "1 2", "18446744073709551616"] {
            fs::write(folder.0.join("timetoken"), text).unwrap();
            assert!(mark.load().is_err() && mark.reserve(Wall(1), Timetoken(0)).is_err(), "{text:?}");
            assert_eq!(fs::read_to_string(folder.0.join("timetoken")).unwrap(), text, "nor overwritten");
        }
    }

    #[test]
    fn a_write_that_was_cut_short_leaves_the_mark() {
        let folder = Folder::new("cut");
        let mark = HighWater::open(&folder.0).unwrap();
        mark.reserve(Wall(1), Timetoken(0)).unwrap();
        let kept = mark.load().unwrap();
        fs::write(folder.0.join("timetoken.new"), "12").unwrap();
        assert_eq!(mark.load().unwrap(), kept);
        mark.reserve(Wall(2), Timetoken(0)).unwrap();
        assert_eq!(mark.load().unwrap(), Timetoken(kept.0 + 1));
    }

    #[test]
    fn a_folder_that_cannot_be_is_an_error() {
        let folder = Folder::new("no-folder");
        fs::create_dir_all(&folder.0).unwrap();
        fs::write(folder.0.join("file"), "").unwrap();
        assert!(HighWater::open(&folder.0.join("file")).is_err());
    }
}
