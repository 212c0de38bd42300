//! Corrupted images: noise, blur, weather and digital damage in five severities, generated from clean test images.
//!
//! Source of names and colour parameters: Hendrycks and Dietterich (2019), arXiv 1903.12261, and the script that made CIFAR-10-C; of the
//! grey set: MNIST-C (Mu and Gilmer 2019, arXiv 1906.02337) where it is not too strong for clothes. The published script drew without a
//! seed and called ImageMagick, so that the published pixels cannot be made again: what is made here is "regenerated" and its errors
//! must not be compared with scores on the published files, for which there is [`Official`].

mod blur;
mod digital;
mod noise;
mod official;
mod resize;
mod weather;

pub use official::Official;

use crate::random::Generator;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Severities are numbered from 1 to this.
pub const SEVERITIES: u8 = 5;

/// A way to spoil an image. Not every one is defined for grey and for colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Corruption {
    /// Normal noise on every value.
    GaussianNoise,
    /// Poisson noise, as of too little light.
    ShotNoise,
    /// Some values are 0 or 1.
    ImpulseNoise,
    /// A normal kernel.
    GaussianBlur,
    /// A disk, as of a lens out of focus.
    DefocusBlur,
    /// Neighbouring pixels change places, as behind frosted glass.
    GlassBlur,
    /// The camera moves sideways.
    MotionBlur,
    /// The camera moves forwards.
    ZoomBlur,
    /// Falling snow.
    Snow,
    /// Ice on the lens, with a generated texture in place of the published photographs.
    Frost,
    /// Fog of uneven density.
    Fog,
    /// More light.
    Brightness,
    /// Less contrast.
    Contrast,
    /// A random affine map and a smooth random displacement.
    Elastic,
    /// Fewer pixels.
    Pixelate,
    /// A JPEG file of low quality.
    Jpeg,
}

use Corruption::*;

impl Corruption {
    /// The set for grey images of about 28 x 28 pixels.
    pub const GREY: [Self; 9] = [GaussianNoise, ShotNoise, ImpulseNoise, GaussianBlur, MotionBlur, Contrast, Brightness, Pixelate, Fog];
    /// The benchmark set for colour images of 32 x 32 pixels.
    pub const COLOUR: [Self; 15] = [
        GaussianNoise,
        ShotNoise,
        ImpulseNoise,
        DefocusBlur,
        GlassBlur,
        MotionBlur,
        ZoomBlur,
        Snow,
        Frost,
        Fog,
        Brightness,
        Contrast,
        Elastic,
        Pixelate,
        Jpeg,
    ];
    /// Those that are noise.
    pub const NOISES: [Self; 3] = [GaussianNoise, ShotNoise, ImpulseNoise];

    /// The set for images of one channel, or of three.
    pub fn set_of(channels: usize) -> &'static [Self] {
        if channels == 1 { &Self::GREY } else { &Self::COLOUR }
    }

    /// Its stable id, as in configs and in the names of the published files.
    pub fn id(self) -> &'static str {
        match self {
            GaussianNoise => "gaussian_noise",
            ShotNoise => "shot_noise",
            ImpulseNoise => "impulse_noise",
            GaussianBlur => "gaussian_blur",
            DefocusBlur => "defocus_blur",
            GlassBlur => "glass_blur",
            MotionBlur => "motion_blur",
            ZoomBlur => "zoom_blur",
            Snow => "snow",
            Frost => "frost",
            Fog => "fog",
            Brightness => "brightness",
            Contrast => "contrast",
            Elastic => "elastic",
            Pixelate => "pixelate",
            Jpeg => "jpeg",
        }
    }

    /// Its name where it is generated: frost is not the published one.
    pub fn generated_id(self) -> &'static str {
        if self == Frost { "frost_synthetic" } else { self.id() }
    }
}

/// The sizes of an image, `[channels, height, width]` row-major.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// 1 for grey, 3 for red, green and blue.
    pub channels: usize,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

impl Shape {
    /// Numbers of one channel.
    pub fn pixels(self) -> usize {
        self.height * self.width
    }

    /// Numbers of an image.
    pub fn size(self) -> usize {
        self.channels * self.pixels()
    }
}

/// Corrupts an image with values in `[0, 1]` in place; the result is in `[0, 1]`, in colour in steps of 1/255 as the published files are.
///
/// What is random follows from seed, corruption, severity (1 to 5) and `number`, the image's number, alone: whoever asks for an image
/// again gets the same pixels. A corruption that the set for these channels lacks leaves the image as it is. Panics when `image` is not
/// of the size `shape` tells or the severity is none.
pub fn corrupt(corruption: Corruption, severity: u8, seed: u64, number: usize, shape: Shape, image: &mut [f32]) {
    assert!(image.len() == shape.size() && (1..=SEVERITIES).contains(&severity), "{corruption:?} {severity} of {shape:?}");
    let mut generator = Generator::new(seed, &format!("corruptions/{}/{severity}/{number}", corruption.id()));
    let level = usize::from(severity - 1);
    if shape.channels == 1 {
        grey(corruption, level, shape, image, &mut generator);
    } else {
        colour(corruption, level, shape, image, &mut generator);
    }
    for value in image {
        *value = value.clamp(0.0, 1.0);
        if shape.channels != 1 {
            *value = to_byte(*value) / 255.0;
        }
    }
}

/// `x` in steps of a byte, truncated as the published script does. The little that is added keeps bytes divided by 255 what they were.
fn to_byte(x: f32) -> f32 {
    (x * 255.0 + 1e-3).floor()
}

fn grey(corruption: Corruption, level: usize, shape: Shape, image: &mut [f32], generator: &mut Generator) {
    match corruption {
        GaussianNoise => noise::gaussian(image, [0.08, 0.12, 0.18, 0.26, 0.38][level], generator),
        ShotNoise => noise::shot(image, [60.0, 25.0, 12.0, 5.0, 3.0][level], generator),
        ImpulseNoise => noise::impulse(image, [0.03, 0.06, 0.09, 0.17, 0.27][level], generator),
        GaussianBlur => blur::gaussian(image, shape, [0.5, 0.75, 1.0, 1.5, 2.0][level], 4.0, blur::Border::Nearest),
        MotionBlur => blur::horizontal(image, shape, [3, 5, 7, 9, 11][level]),
        Contrast => digital::contrast(image, [0.75, 0.5, 0.4, 0.3, 0.15][level]),
        Brightness => image.iter_mut().for_each(|x| *x += [0.1, 0.2, 0.3, 0.4, 0.5][level]),
        Pixelate => digital::pixelate(image, shape, [0.8, 0.6, 0.5, 0.4, 0.3][level]),
        Fog => weather::grey_fog(image, shape, [0.2, 0.5, 0.75, 1.0, 1.5][level], generator),
        DefocusBlur | GlassBlur | ZoomBlur | Snow | Frost | Elastic | Jpeg => {}
    }
}

fn colour(corruption: Corruption, level: usize, shape: Shape, image: &mut [f32], generator: &mut Generator) {
    match corruption {
        GaussianNoise => noise::gaussian(image, [0.04, 0.06, 0.08, 0.09, 0.10][level], generator),
        ShotNoise => noise::shot(image, [500.0, 250.0, 100.0, 75.0, 50.0][level], generator),
        ImpulseNoise => noise::impulse(image, [0.01, 0.02, 0.03, 0.05, 0.07][level], generator),
        DefocusBlur => {
            let (radius, alias) = [(0.3, 0.4), (0.4, 0.5), (0.5, 0.6), (1.0, 0.2), (1.5, 0.1)][level];
            blur::disk(image, shape, radius, alias);
        }
        GlassBlur => {
            let (sigma, reach, times) = [(0.05, 1, 1), (0.25, 1, 1), (0.4, 1, 1), (0.25, 1, 2), (0.4, 1, 2)][level];
            blur::glass(image, shape, sigma, reach, times, generator);
        }
        MotionBlur => {
            let (radius, sigma) = [(6, 1.0), (6, 1.5), (6, 2.0), (8, 2.0), (9, 2.5)][level];
            let angle = generator.symmetric(45.0);
            blur::motion(image, shape, radius, sigma, angle);
        }
        ZoomBlur => blur::zoom(image, shape, [6, 11, 16, 21, 26][level]),
        Snow => weather::snow(image, shape, weather::SNOW[level], generator),
        Frost => {
            let (keep, add) = [(1.0, 0.2), (1.0, 0.3), (0.9, 0.4), (0.85, 0.4), (0.75, 0.45)][level];
            weather::frost(image, shape, keep, add, generator);
        }
        Fog => {
            let (amount, decay) = [(0.2, 3.0), (0.5, 3.0), (0.75, 2.5), (1.0, 2.0), (1.5, 1.75)][level];
            weather::fog(image, shape, amount, decay, generator);
        }
        Brightness => digital::brightness(image, shape, [0.05, 0.1, 0.15, 0.2, 0.3][level]),
        Contrast => image.chunks_exact_mut(shape.pixels()).for_each(|plane| digital::contrast(plane, [0.75, 0.5, 0.4, 0.3, 0.15][level])),
        Elastic => {
            let (alpha, sigma, affine) =
                [(0.0, 0.0, 0.08), (0.05, 0.2, 0.07), (0.08, 0.06, 0.06), (0.1, 0.04, 0.05), (0.1, 0.03, 0.03)][level];
            digital::elastic(image, shape, alpha, sigma, affine, generator);
        }
        Pixelate => digital::pixelate(image, shape, [0.95, 0.9, 0.85, 0.75, 0.65][level]),
        Jpeg => digital::jpeg(image, shape, [80, 65, 58, 50, 40][level]),
        GaussianBlur => {}
    }
}

#[cfg(test)]
mod tests;
