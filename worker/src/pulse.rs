//! What the engine itself tells of a run about once a second: speed, memory, processor, GPU, progress, time left.

use crate::{
    gpu::Gpu,
    protocol::{Progress, TimedPoint},
};
use lab::{json::Number, record::Point};
use std::time::{Duration, Instant};

/// How often speed, memory, processor and GPU are told.
const BEAT: Duration = Duration::from_secs(1);
/// The unit of processor times in `/proc`, the same on every Linux that programs are built for.
const TICKS_PER_SECOND: f64 = 100.0;
/// Progress comes once a second for so long, then once in ten.
const LIVELY: Duration = Duration::from_secs(600);

/// The engine's own series and progress of one lease. Times are passed in, so that tests need no clock.
#[derive(Debug)]
pub struct Pulse {
    began: Instant,
    first_step: u64,
    trained_before: Duration,
    beat_at: Instant,
    beat_step: u64,
    /// Processor time of this process at the last beat, seconds.
    beat_cpu: Option<f64>,
    progress_at: Option<Instant>,
    gpu: Option<Gpu>,
}

impl Pulse {
    /// Begins when the first step of a lease is about to be done; `trained_before` is what earlier leases spent, `gpu` what trains beside the
    /// processor.
    pub fn begin(now: Instant, steps_done: u64, trained_before: Duration, gpu: Option<Gpu>) -> Self {
        let beat_cpu = processor_seconds();
        Self { began: now, first_step: steps_done, trained_before, beat_at: now, beat_step: steps_done, beat_cpu, progress_at: None, gpu }
    }

    /// Time spent training, all leases together.
    pub fn trained(&self, now: Instant) -> Duration {
        self.trained_before + now.duration_since(self.began)
    }

    /// Speed, memory, processor and GPU, if a second has passed since the last time.
    pub fn beat(&mut self, now: Instant, step: u64, time_ms: i64) -> Vec<TimedPoint> {
        let passed = now.duration_since(self.beat_at);
        if passed < BEAT || step == self.beat_step {
            return Vec::new();
        }
        let rate = (step - self.beat_step) as f64 / passed.as_secs_f64();
        (self.beat_at, self.beat_step) = (now, step);
        let point =
            |name: &str, value: f64| TimedPoint { point: Point { name: name.to_owned(), arm: None, step, value: Number(value) }, time_ms };
        let mut points = vec![point("throughput/steps_per_s", rate)];
        points.extend(resident_megabytes().map(|megabytes| point("system/memory_mb", megabytes)));
        let cpu = processor_seconds();
        let used = cpu.zip(self.beat_cpu).map(|(now, before)| 100.0 * (now - before) / passed.as_secs_f64());
        points.extend(used.map(|percent| point("system/cpu_percent", percent)));
        self.beat_cpu = cpu;
        points.extend(self.gpu.iter().flat_map(Gpu::take).map(|(name, value)| point(name, value)));
        points
    }

    /// Progress, if it is time for it.
    pub fn progress(&mut self, now: Instant, step: u64, total: u64) -> Option<Progress> {
        let pause = if self.trained(now) < LIVELY { Duration::from_secs(1) } else { Duration::from_secs(10) };
        if self.progress_at.is_some_and(|last| now.duration_since(last) < pause) {
            return None;
        }
        self.progress_at = Some(now);
        Some(self.progress_now(now, step, total))
    }

    /// Progress now, whenever it was told last.
    pub fn progress_now(&self, now: Instant, step: u64, total: u64) -> Progress {
        let done = step - self.first_step;
        // One step tells little, for the first one often warms caches; a second of steps tells enough.
        let passed = now.duration_since(self.began).as_secs_f64();
        let known = done >= 2 || (done == 1 && passed >= 1.0);
        let eta_seconds = known.then(|| passed / done as f64 * total.saturating_sub(step) as f64);
        Progress { step, total, eta_seconds }
    }
}

/// Memory of this process that is in RAM, in MB (10^6 bytes). `None` where the system does not tell.
fn resident_megabytes() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024.0 / 1e6)
}

/// Processor time that this process has used, all threads together, seconds: one full core for a second is one. `None` where the system
/// does not tell.
fn processor_seconds() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The name in brackets may hold spaces; user and system time are the 12th and 13th field after it.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let ticks: f64 = fields.next()?.parse::<f64>().ok()? + fields.next()?.parse::<f64>().ok()?;
    Some(ticks / TICKS_PER_SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_slows_down_after_ten_minutes_and_tells_the_time_left() {
        let start = Instant::now();
        let at = |seconds: f64| start + Duration::from_secs_f64(seconds);
        let mut pulse = Pulse::begin(start, 100, Duration::from_secs(595), None);
        assert_eq!(pulse.progress(at(0.0), 100, 200), Some(Progress { step: 100, total: 200, eta_seconds: None }));
        assert_eq!(pulse.progress(at(0.9), 140, 200), None);
        assert_eq!(pulse.progress(at(2.0), 150, 200), Some(Progress { step: 150, total: 200, eta_seconds: Some(2.0) }));
        assert!(pulse.progress(at(4.0), 160, 200).is_some());
        assert_eq!(pulse.progress(at(13.9), 180, 200), None, "600 s are over");
        assert!(pulse.progress(at(14.0), 180, 200).is_some());
    }

    #[test]
    fn speed_is_told_once_a_second_and_only_of_new_steps() {
        let start = Instant::now();
        let mut pulse = Pulse::begin(start, 0, Duration::ZERO, None);
        assert!(pulse.beat(start + Duration::from_millis(999), 10, 0).is_empty());
        let points = pulse.beat(start + Duration::from_secs(2), 10, 7);
        assert_eq!((points[0].point.name.as_str(), points[0].point.value.0, points[0].time_ms), ("throughput/steps_per_s", 5.0, 7));
        let system: Vec<_> = points[1..].iter().map(|point| point.point.name.as_str()).collect();
        assert_eq!(system, if cfg!(target_os = "linux") { vec!["system/memory_mb", "system/cpu_percent"] } else { vec![] });
        assert!(points[1..].iter().all(|point| point.point.value.0 >= 0.0 && point.point.value.0.is_finite()));
        assert!(pulse.beat(start + Duration::from_secs(9), 10, 8).is_empty(), "one series has at most one point a step");
    }
}
