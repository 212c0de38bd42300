//! Devices: what this worker offers and which one a run gets.

use candle_core::Device;
use std::{fmt, str::FromStr};

/// A device as people write it: `auto`, `cpu` or `cuda:N`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DeviceChoice {
    /// The first GPU where there is one, else the CPU.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// The GPU of this number.
    Cuda(usize),
}

impl FromStr for DeviceChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            "cpu" => Ok(Self::Cpu),
            "cuda" => Ok(Self::Cuda(0)),
            _ => match text.strip_prefix("cuda:").and_then(|number| number.parse().ok()) {
                Some(number) => Ok(Self::Cuda(number)),
                None => Err(format!("the device must be auto, cpu or cuda:N (as cuda:0); got `{text}`")),
            },
        }
    }
}

impl fmt::Display for DeviceChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Cpu => f.write_str("cpu"),
            Self::Cuda(number) => write!(f, "cuda:{number}"),
        }
    }
}

impl DeviceChoice {
    /// Opens the device. Errors: no such GPU, or a build without CUDA.
    pub fn open(self) -> Result<Device, String> {
        match self {
            Self::Cpu => Ok(Device::Cpu),
            Self::Auto => Ok(Device::new_cuda(0).unwrap_or(Device::Cpu)),
            Self::Cuda(number) => Device::new_cuda(number).map_err(|error| {
                let text = error.to_string();
                let why = text.lines().next().unwrap_or_default();
                format!("{self} cannot be used here: {why}. Choose the device cpu or auto, or a worker with a GPU.")
            }),
        }
    }

    /// What a worker with this choice offers: a GPU and the CPU beside it, or the CPU alone. Errors: as [`DeviceChoice::open`].
    pub fn offered(self) -> Result<Vec<String>, String> {
        let device = self.open()?;
        let gpu = match self {
            Self::Cuda(number) => number,
            _ => 0,
        };
        Ok(if device.is_cuda() { vec![format!("cuda:{gpu}"), "cpu".to_owned()] } else { vec!["cpu".to_owned()] })
    }

    /// The device of a run that asks for `wanted` on a worker that was started with `self`: the run's own wish wins over `auto`.
    /// Errors: `wanted` is no device.
    pub fn for_run(self, wanted: &str) -> Result<Self, String> {
        match wanted.parse()? {
            Self::Auto => Ok(self),
            wanted => Ok(wanted),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_are_read_and_written_alike_and_others_refused() {
        for text in ["auto", "cpu", "cuda:3"] {
            assert_eq!(text.parse::<DeviceChoice>().unwrap().to_string(), text);
        }
        for text in ["", "gpu", "cuda:", "cuda:x", "CPU"] {
            assert!(text.parse::<DeviceChoice>().unwrap_err().contains("auto, cpu or cuda:N"));
        }
        assert_eq!(DeviceChoice::Cpu.for_run("auto"), Ok(DeviceChoice::Cpu));
        assert_eq!(DeviceChoice::Auto.for_run("cuda:1"), Ok(DeviceChoice::Cuda(1)));
        assert_eq!(DeviceChoice::Cpu.offered(), Ok(vec!["cpu".to_owned()]));
    }
}
