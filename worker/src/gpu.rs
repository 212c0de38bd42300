//! What the GPU of a run is doing, as NVIDIA's own `nvidia-smi` tells it; nothing where there is none.

use candle_core::{Device, DeviceLocation};
use std::{
    ffi::OsStr,
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, PoisonError},
};

/// The program that is asked, found on the `PATH`.
const PROGRAM: &str = "nvidia-smi";
/// What it is asked for; the answer is a line of these, with commas between.
const QUERY: &str = "--query-gpu=utilization.gpu,memory.used,temperature.gpu,power.draw";
/// The series of each, and what the number is multiplied by: memory is told in MiB and said in MB (10^6 bytes).
const SERIES: [(&str, f64); 4] =
    [("system/gpu_percent", 1.0), ("system/gpu_memory_mb", 1.048_576), ("system/gpu_temperature_c", 1.0), ("system/gpu_power_w", 1.0)];

/// Name and value of what a GPU tells; what it does not (`[N/A]`) is left out.
pub type Sample = Vec<(&'static str, f64)>;

/// A GPU that is looked at once a second by a program of its own, so that training never waits for it.
#[derive(Debug)]
pub struct Gpu {
    watcher: Child,
    latest: Arc<Mutex<Option<Sample>>>,
}

impl Gpu {
    /// The GPU that is this device. `None` for a CPU, and where `nvidia-smi` cannot be run.
    pub fn of(device: &Device) -> Option<Self> {
        let DeviceLocation::Cuda { gpu_id } = device.location() else { return None };
        let visible = std::env::var("CUDA_VISIBLE_DEVICES").ok();
        Self::watch(OsStr::new(PROGRAM), &id_of(gpu_id, visible.as_deref()))
    }

    /// Looks at the GPU of this index or UUID by means of this program.
    fn watch(program: &OsStr, id: &str) -> Option<Self> {
        let mut watcher = Command::new(program)
            .args([QUERY, "--format=csv,noheader,nounits", "--loop=1", &format!("--id={id}")])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .inspect_err(|error| tracing::debug!(%error, "the GPU cannot be looked at"))
            .ok()?;
        let lines = BufReader::new(watcher.stdout.take()?).lines();
        let latest = Arc::new(Mutex::new(None));
        let shared = Arc::clone(&latest);
        let reader = std::thread::Builder::new().name("gpu".to_owned()).spawn(move || {
            // Ends with the program, which ends with us: it cannot write to a pipe that nobody reads.
            for line in lines.map_while(Result::ok) {
                *shared.lock().unwrap_or_else(PoisonError::into_inner) = Some(read(&line));
            }
        });
        let gpu = Self { watcher, latest };
        reader.ok().map(|_| gpu)
    }

    /// What it told last, once: nothing if it has told nothing new.
    pub fn take(&self) -> Sample {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner).take().unwrap_or_default()
    }
}

impl Drop for Gpu {
    fn drop(&mut self) {
        // It may have ended by itself, which is as well.
        let _ = self.watcher.kill();
        let _ = self.watcher.wait();
    }
}

/// What `nvidia-smi` calls the device that CUDA calls number `gpu_id` where only `visible` devices are: their indices or UUIDs in order.
fn id_of(gpu_id: usize, visible: Option<&str>) -> String {
    let named = visible.and_then(|visible| visible.split(',').map(str::trim).nth(gpu_id)).filter(|id| !id.is_empty());
    named.map_or_else(|| gpu_id.to_string(), str::to_owned)
}

/// A line as `35, 1024, 61, 120.55`.
fn read(line: &str) -> Sample {
    let numbers = line.split(',').map(|text| text.trim().parse::<f64>().ok().filter(|number| number.is_finite()));
    SERIES.into_iter().zip(numbers).filter_map(|((name, factor), number)| Some((name, number? * factor))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        os::unix::fs::PermissionsExt,
        path::Path,
        time::{Duration, Instant},
    };

    /// An executable that says what it was asked and then a line of numbers, again and again.
    fn fake(folder: &Path) -> std::path::PathBuf {
        let program = folder.join("nvidia-smi");
        let text = "#!/bin/sh\necho \"$@\" > \"$(dirname \"$0\")/asked\"\nwhile echo '37, 1000, [N/A], 120.50'; do sleep 0.05; done\n";
        std::fs::write(&program, text).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        program
    }

    fn until<T>(mut look: impl FnMut() -> Option<T>) -> T {
        let until = Instant::now() + Duration::from_secs(20);
        loop {
            if let Some(found) = look() {
                return found;
            }
            assert!(Instant::now() < until, "nothing came");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn a_gpu_tells_what_it_does_and_its_watcher_ends_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let gpu = Gpu::watch(fake(folder.path()).as_os_str(), "3").unwrap();
        let sample = until(|| Some(gpu.take()).filter(|sample| !sample.is_empty()));
        assert_eq!(sample, [("system/gpu_percent", 37.0), ("system/gpu_memory_mb", 1048.576), ("system/gpu_power_w", 120.5)]);
        let asked = std::fs::read_to_string(folder.path().join("asked")).unwrap();
        assert!(asked.contains("--id=3") && asked.contains("utilization.gpu,memory.used,temperature.gpu,power.draw"), "{asked}");
        let pid = gpu.watcher.id();
        drop(gpu);
        assert!(!Path::new(&format!("/proc/{pid}")).exists());
    }

    #[test]
    fn there_is_nothing_where_there_is_no_gpu_or_no_program() {
        assert!(Gpu::of(&Device::Cpu).is_none());
        assert!(Gpu::watch(OsStr::new("/nowhere/nvidia-smi"), "0").is_none());
        assert_eq!(read("No devices were found"), []);
        assert_eq!(read(""), []);
    }

    #[test]
    fn a_device_is_told_by_the_name_it_has_among_those_that_can_be_seen() {
        assert_eq!((id_of(1, None), id_of(1, Some("2,5")), id_of(0, Some("GPU-ab12"))), ("1".into(), "5".into(), "GPU-ab12".into()));
        assert_eq!((id_of(1, Some("2")), id_of(0, Some(""))), ("1".into(), "0".into()));
    }
}
