//! The published CIFAR-10-C files, where a user has them.

use super::{Corruption, SEVERITIES};
use crate::{Error, Result, npy};
use std::{
    fs::File,
    io::{Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

/// Names of the folder that the files may lie in.
const FOLDERS: [&str; 2] = ["cifar10_c", "CIFAR-10-C"];
/// Images of a severity.
const IMAGES: usize = 10_000;
const SIDE: usize = 32;
const CHANNELS: usize = 3;
const IMAGE_SIZE: usize = SIDE * SIDE * CHANNELS;

/// A folder with the published arrays: a file `NAME.npy` of `u8` `[50000, 32, 32, 3]` per corruption, with severity s in rows
/// `10000 (s - 1) .. 10000 s` in the order of the test images, and `labels.npy` with the test labels five times over.
///
/// Source: D. Hendrycks and T. Dietterich (2019), <https://zenodo.org/records/2535967>.
#[derive(Debug, Clone)]
pub struct Official {
    folder: PathBuf,
}

impl Official {
    /// Looks for the files of these corruptions in `FOLDER/cifar10_c` or `FOLDER/CIFAR-10-C` of each data folder and checks shapes and
    /// labels. Errors: no such folder, a file missing, of another shape, or labels that are not those of the test images.
    pub fn open(folders: &[PathBuf], corruptions: &[Corruption], labels: &[u8]) -> Result<Self> {
        let places: Vec<PathBuf> = folders.iter().flat_map(|folder| FOLDERS.map(|name| folder.join(name))).collect();
        let Some(folder) = places.iter().find(|place| place.join("labels.npy").is_file()) else {
            let shown: Vec<_> = places.iter().map(|place| place.display().to_string()).collect();
            let detail = "Unpack CIFAR-10-C.tar from https://zenodo.org/records/2535967 there, or set corruption_source to generated.";
            return Err(Error::Data(format!("CIFAR-10-C is not here: there is no labels.npy in {}. {detail}", shown.join(" or "))));
        };
        let official = Self { folder: folder.clone() };
        for corruption in corruptions {
            official.array(corruption.file_name())?;
        }
        let (mut file, path, shape) = open_array(&folder.join("labels.npy"))?;
        let mut found = Vec::new();
        file.read_to_end(&mut found).map_err(|error| Error::file(&path, error))?;
        if shape != [usize::from(SEVERITIES) * IMAGES] || found.len() != shape[0] {
            return Err(Error::Data(format!("{} must hold 50000 labels; its shape is {shape:?}.", path.display())));
        }
        if found.chunks(IMAGES).any(|severity| severity != labels) {
            return Err(Error::Data(format!("{} must repeat the labels of the test images of CIFAR-10; it does not.", path.display())));
        }
        Ok(official)
    }

    fn array(&self, name: &str) -> Result<(File, PathBuf)> {
        let (file, path, shape) = open_array(&self.folder.join(name))?;
        if shape != [usize::from(SEVERITIES) * IMAGES, SIDE, SIDE, CHANNELS] {
            return Err(Error::Data(format!("{} must be of shape [50000, 32, 32, 3]; it is {shape:?}.", path.display())));
        }
        Ok((file, path))
    }

    /// Test images by number as they were published, `[len, 3, 32, 32]` with values in `[0, 1]`. Errors: the file cannot be read.
    pub fn images(&self, corruption: Corruption, severity: u8, numbers: &[usize]) -> Result<Vec<f32>> {
        let (mut file, path) = self.array(corruption.file_name())?;
        let unreadable = |error| Error::file(&path, error);
        let first = file.stream_position().map_err(unreadable)?;
        let mut images = Vec::with_capacity(numbers.len() * IMAGE_SIZE);
        let mut pixels = [0u8; IMAGE_SIZE];
        for number in numbers {
            let row = usize::from(severity - 1) * IMAGES + number;
            file.seek(SeekFrom::Start(first + (row * IMAGE_SIZE) as u64)).map_err(unreadable)?;
            file.read_exact(&mut pixels).map_err(unreadable)?;
            for channel in 0..CHANNELS {
                images.extend(pixels[channel..].iter().step_by(CHANNELS).map(|value| f32::from(*value) / 255.0));
            }
        }
        Ok(images)
    }
}

impl Corruption {
    fn file_name(self) -> &'static str {
        match self {
            Self::GaussianNoise => "gaussian_noise.npy",
            Self::ShotNoise => "shot_noise.npy",
            Self::ImpulseNoise => "impulse_noise.npy",
            Self::GaussianBlur => "gaussian_blur.npy",
            Self::DefocusBlur => "defocus_blur.npy",
            Self::GlassBlur => "glass_blur.npy",
            Self::MotionBlur => "motion_blur.npy",
            Self::ZoomBlur => "zoom_blur.npy",
            Self::Snow => "snow.npy",
            Self::Frost => "frost.npy",
            Self::Fog => "fog.npy",
            Self::Brightness => "brightness.npy",
            Self::Contrast => "contrast.npy",
            Self::Elastic => "elastic_transform.npy",
            Self::Pixelate => "pixelate.npy",
            Self::Jpeg => "jpeg_compression.npy",
        }
    }
}

/// Opens an array of bytes in NumPy's format and reads its header: the file stands at the first value.
fn open_array(path: &Path) -> Result<(File, PathBuf, Vec<usize>)> {
    let no_array = |why: &str| Error::Data(format!("{} is no array of bytes in NumPy's format: {why}.", path.display()));
    let mut file = File::open(path).map_err(|error| Error::file(path, error))?;
    let header = npy::read_header(&mut file).map_err(|why| no_array(&why))?;
    if header.kind != "|u1" || header.columns_first {
        return Err(no_array("its values are not bytes in row-major order"));
    }
    Ok((file, path.to_owned(), header.shape))
}
