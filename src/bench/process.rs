//! What a process has used so far, as the kernel counts it under /proc.

use std::fs;
use std::time::Duration;

use super::error::BenchError;

/// The kernel shows CPU time in ticks of 10 ms on every Linux that matters here.
const TICKS_PER_SECOND: u64 = 100;

/// A process that is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Process(pub(super) u32);

impl Process {
    /// This process.
    pub(super) fn own() -> Self {
        Self(std::process::id())
    }

    /// User and system time of all its threads.
    pub(super) fn cpu(self) -> Result<Duration, BenchError> {
        self.read("stat", cpu_of_stat)
    }

    /// Resident memory in bytes.
    pub(super) fn resident(self) -> Result<u64, BenchError> {
        self.read("status", resident_of_status)
    }

    fn read<T>(self, file: &str, parse: impl FnOnce(&str) -> Option<T>) -> Result<T, BenchError> {
        let path = format!("/proc/{}/{file}", self.0);
        let text = fs::read_to_string(&path).ok();
        text.as_deref().and_then(parse).ok_or(BenchError::Proc { path, pid: self.0 })
    }
}

/// `utime` + `stime`. The second field is the program's name in brackets, which may itself hold spaces and brackets.
fn cpu_of_stat(stat: &str) -> Option<Duration> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(Duration::from_millis((user + system) * 1_000 / TICKS_PER_SECOND))
}

fn resident_of_status(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1_024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_is_read_behind_the_name_whatever_it_holds() {
        let stat = "4242 (a) b (c) S 1 4242 4242 0 -1 4194304 99 0 0 0 150 25 7 7 20 0 3 0 100 1 2";
        assert_eq!(cpu_of_stat(stat), Some(Duration::from_millis(1_750)));
        assert_eq!(cpu_of_stat("4242 (short) S 1 2 3"), None);
        assert_eq!(cpu_of_stat(""), None);
    }

    #[test]
    fn memory_is_read_in_bytes() {
        assert_eq!(resident_of_status("Name:\tx\nVmHWM:\t 99 kB\nVmRSS:\t   5120 kB\n"), Some(5_242_880));
        assert_eq!(resident_of_status("Name:\tx\n"), None);
        assert_eq!(resident_of_status("VmRSS:\t 12 MB\n"), None);
    }

    #[test]
    fn the_own_process_can_be_read_and_a_missing_one_is_an_error() {
        assert!(Process::own().cpu().is_ok());
        assert!(Process::own().resident().is_ok_and(|bytes| bytes > 0));
        assert!(matches!(Process(0).cpu(), Err(BenchError::Proc { pid: 0, .. })));
    }
}
