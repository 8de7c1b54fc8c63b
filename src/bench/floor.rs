//! The yardstick: what writing the same bytes to as many connections costs a process that does nothing else.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use super::error::BenchError;
use super::fleet::{Fleet, Sink, Taken};
use super::frame::{put_server_text, server_wire};
use super::launch::{Cores, again};
use super::options::{FloorOptions, WriterOptions};
use super::process::Process;
use super::report::{Figures, Report, micros_each, per_second};
use super::stopwatch::Stopwatch;
use super::transport::Transport;

/// What a floor is measured with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Load {
    /// Connections that are written to.
    pub(super) connections: usize,
    /// Frames written to a connection at once.
    pub(super) window: usize,
    /// The size of a frame, header included.
    pub(super) frame_bytes: usize,
    /// For how long.
    pub(super) duration: Duration,
    /// Before that, for how long without counting.
    pub(super) warmup: Duration,
}

/// What a floor costs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cost {
    /// Frames delivered.
    pub(super) deliveries: u64,
    /// In this time.
    pub(super) elapsed: Duration,
    /// With this much CPU of the writer.
    pub(super) writer: Duration,
    /// And this much of the reader.
    pub(super) reader: Duration,
}

impl Cost {
    /// CPU of the writer for each delivery, in microseconds.
    pub(super) fn micros(&self) -> f64 {
        micros_each(self.writer, self.deliveries)
    }
}

/// Runs the scenario `floor`.
pub(super) async fn run(options: &FloorOptions, cores: Cores) -> Result<Report, BenchError> {
    let mut results = Vec::new();
    for &window in &options.window {
        let load = Load {
            connections: options.connections,
            window,
            frame_bytes: options.frame_bytes,
            duration: Duration::from_secs_f64(options.seconds),
            warmup: Duration::from_secs_f64(options.warmup),
        };
        let cost = measure(load, cores).await?;
        let figures = Figures::default()
            .count("window", window as u64)
            .count("deliveries", cost.deliveries)
            .number("deliveries_per_s", per_second(cost.deliveries, cost.elapsed), 0)
            .number("writer_us_per_delivery", cost.micros(), 3)
            .number("reader_us_per_delivery", micros_each(cost.reader, cost.deliveries), 3);
        results.push(figures);
    }
    let conditions = Figures::default()
        .count("connections", options.connections as u64)
        .count("frame_bytes", options.frame_bytes as u64)
        .number("seconds", options.seconds, 1);
    Ok(Report { scenario: "floor", conditions, results, fault: None })
}

/// Measures one load with a writer in a process of its own.
pub(super) async fn measure(load: Load, cores: Cores) -> Result<Cost, BenchError> {
    let listener =
        TcpListener::bind(("127.0.0.1", 0)).await.map_err(BenchError::io("listening for the writer"))?;
    let at = listener.local_addr().map_err(BenchError::io("listening for the writer"))?;
    let arguments = ["bench", "floor-writer"].map(str::to_owned).into_iter().chain([
        format!("--connect={at}"),
        format!("--connections={}", load.connections),
        format!("--window={}", load.window),
        format!("--frame-bytes={}", load.frame_bytes),
    ]);
    let (mut child, process) = again(cores, &arguments.collect::<Vec<_>>(), Stdio::null())?;
    let cost = tokio::select! {
        cost = rounds(&listener, process, load) => cost?,
        _ = child.wait() => return Err(BenchError::HubStart("the writer of the floor ended early".to_owned())),
    };
    child.kill().await.map_err(BenchError::io("ending the writer"))?;
    Ok(cost)
}

/// Lets the writer write a window to everybody, waits until all of it is read, and again.
async fn rounds(listener: &TcpListener, process: Process, load: Load) -> Result<Cost, BenchError> {
    const PATIENCE: Duration = Duration::from_secs(10);
    let (mut baton, _) = listener.accept().await.map_err(BenchError::io("accepting the writer"))?;
    baton.set_nodelay(true).map_err(BenchError::io("accepting the writer"))?;
    let mut fleet = Fleet::new(Awaited(0));
    for _ in 0..load.connections {
        let (stream, _) = listener.accept().await.map_err(BenchError::io("accepting the writer"))?;
        fleet.add(stream, &[], Transport::WebSocket);
    }
    let round = (load.connections * load.window) as u64;
    let mut watch = Stopwatch::start();
    let mut start = None;
    let mut deliveries = 0;
    loop {
        if start.is_none() && watch.elapsed() >= load.warmup {
            start = Some((process.cpu()?, Process::own().cpu()?));
            watch = Stopwatch::start();
            deliveries = 0;
        }
        if let Some((writer, reader)) = start
            && watch.elapsed() >= load.duration
        {
            let elapsed = watch.elapsed();
            let (writer, reader) = (process.cpu()? - writer, Process::own().cpu()? - reader);
            return Ok(Cost { deliveries, elapsed, writer, reader });
        }
        fleet.with(|awaited| awaited.0 = round);
        baton.write_all(&[1]).await.map_err(BenchError::io("asking the writer for a round"))?;
        fleet.until("a round of the floor", PATIENCE, |awaited| awaited.0 == 0).await?;
        deliveries += round;
    }
}

/// How many frames of the round have not arrived.
#[derive(Debug)]
struct Awaited(u64);

impl Sink for Awaited {
    fn take(&mut self, _seat: usize, _text: &[u8], _wire: usize, _answers: &mut Vec<u8>) -> Taken {
        self.0 = self.0.saturating_sub(1);
        if self.0 == 0 { Taken::Awaited } else { Taken::Said }
    }
}

/// The writer: for every byte on the first connection it writes a window of frames to each of the others.
pub(super) fn write(options: &WriterOptions) -> Result<(), BenchError> {
    let failed = || BenchError::io("the writer of the floor");
    let mut baton = dial(options.connect).map_err(failed())?;
    let streams: Result<Vec<TcpStream>, _> =
        (0..options.connections).map(|_| dial(options.connect)).collect();
    let mut streams = streams.map_err(failed())?;
    let window = frame(options.frame_bytes).repeat(options.window);
    let mut go = [0];
    while baton.read(&mut go).map_err(failed())? > 0 {
        for stream in &mut streams {
            stream.write_all(&window).map_err(failed())?;
        }
    }
    Ok(())
}

fn dial(at: SocketAddr) -> std::io::Result<TcpStream> {
    let stream = TcpStream::connect(at)?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// A frame of exactly this size, header included; the sizes that no header can make become the next smaller one.
fn frame(wire: usize) -> Vec<u8> {
    let payload = (0..=wire).rev().find(|payload| server_wire(*payload) <= wire).unwrap_or(0);
    let mut frame = Vec::with_capacity(wire);
    put_server_text(&vec![b'x'; payload], &mut frame);
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_have_the_size_that_was_asked_for() {
        for wire in [2, 100, 127, 130, 504, 65_539] {
            assert_eq!(frame(wire).len(), wire);
        }
    }

    #[tokio::test]
    async fn every_round_is_delivered_whole() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let connect = listener.local_addr().unwrap();
        let options = WriterOptions { connect, connections: 20, window: 4, frame_bytes: 504 };
        let writer = std::thread::spawn(move || write(&options));
        let load = Load {
            connections: 20,
            window: 4,
            frame_bytes: 504,
            duration: Duration::from_millis(30),
            warmup: Duration::from_millis(5),
        };
        let cost =
            tokio::task::LocalSet::new().run_until(rounds(&listener, Process::own(), load)).await.unwrap();
        assert!(cost.deliveries > 0 && cost.deliveries % 80 == 0, "{cost:?}");
        assert!(writer.join().unwrap().is_ok());
    }
}
