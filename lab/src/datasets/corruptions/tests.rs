//! Properties of the corruptions: range, repeatability, growth with severity, and what each does to simple images.

use super::*;
use crate::datasets;

const GREY: Shape = Shape { channels: 1, height: 28, width: 28 };
const COLOUR: Shape = Shape { channels: 3, height: 32, width: 32 };

/// Smooth blobs and a sharp bar, different in every channel.
fn picture(shape: Shape, number: usize) -> Vec<f32> {
    let mut generator = Generator::new(8, &format!("pictures/{number}"));
    let mut image = Vec::new();
    for _ in 0..shape.channels {
        let (x0, y0) = (14.0 + generator.symmetric(6.0), 14.0 + generator.symmetric(6.0));
        let bar = 8 + (generator.symmetric(4.0) + 4.0) as usize;
        for at in 0..shape.pixels() {
            let (row, column) = (at / shape.width, at % shape.width);
            let distance = (column as f32 - x0).powi(2) + (row as f32 - y0).powi(2);
            let blob = 0.7 * (-distance / 60.0).exp();
            let value = if column.abs_diff(bar) < 2 && (6..24).contains(&row) { 0.85 } else { 0.08 + blob };
            image.push((value * 255.0).floor() / 255.0);
        }
    }
    image
}

fn corrupted(corruption: Corruption, severity: u8, shape: Shape, number: usize) -> Vec<f32> {
    let mut image = picture(shape, number);
    corrupt(corruption, severity, 3, number, shape, &mut image);
    image
}

fn distance(a: &[f32], b: &[f32]) -> f32 {
    (a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum::<f32>() / a.len() as f32).sqrt()
}

fn mean_and_deviation(values: &[f32]) -> (f32, f32) {
    let mean = values.iter().sum::<f32>() / values.len() as f32;
    (mean, (values.iter().map(|value| (value - mean).powi(2)).sum::<f32>() / values.len() as f32).sqrt())
}

#[test]
fn every_corruption_stays_in_range_repeats_itself_and_depends_on_seed_and_image() {
    let random = |corruption| {
        !matches!(corruption, GaussianBlur | DefocusBlur | ZoomBlur | Contrast | Brightness | Pixelate | Jpeg) && corruption != MotionBlur
    };
    for (shape, set) in [(GREY, &Corruption::GREY[..]), (COLOUR, &Corruption::COLOUR[..])] {
        for corruption in set {
            for severity in 1..=SEVERITIES {
                let image = corrupted(*corruption, severity, shape, 0);
                assert!(image.iter().all(|value| (0.0..=1.0).contains(value)), "{corruption:?} {severity}");
                assert_eq!(image, corrupted(*corruption, severity, shape, 0), "{corruption:?} {severity}");
                assert!(distance(&image, &picture(shape, 0)) > 1e-3, "{corruption:?} {severity} changes nothing");
                if shape == COLOUR {
                    assert!(image.iter().all(|value| (value * 255.0 - (value * 255.0).round()).abs() < 1e-3), "{corruption:?}");
                }
            }
            if random(*corruption) {
                let again = |seed: u64, number: usize| {
                    let mut image = picture(shape, 0);
                    corrupt(*corruption, 3, seed, number, shape, &mut image);
                    image
                };
                assert_ne!(again(3, 0), again(4, 0), "{corruption:?}");
                assert_ne!(again(3, 0), again(3, 1), "{corruption:?}");
            }
        }
    }
}

#[test]
fn severity_moves_images_further_away() {
    for (shape, set) in [(GREY, &Corruption::GREY[..]), (COLOUR, &Corruption::COLOUR[..])] {
        for corruption in set {
            let away = |severity: u8| {
                let all = (0..12).map(|number| distance(&corrupted(*corruption, severity, shape, number), &picture(shape, number)));
                all.sum::<f32>() / 12.0
            };
            let ladder: Vec<f32> = (1..=SEVERITIES).map(away).collect();
            match corruption {
                // Their parameters trade one kind of damage for another from step to step, and sizes of pixels that do not divide the
                // image beat with it; the ends are in order.
                Snow | GlassBlur | Frost | Pixelate => assert!(ladder[4] > ladder[0] * 0.9, "{corruption:?}: {ladder:?}"),
                // Its affine part shrinks while its fine part grows, which pixels of a smooth picture hardly tell.
                Elastic => {}
                // Motion blur of 6 and of 8 pixels differ by a hair, and their angles by chance.
                _ => assert!(ladder.windows(2).all(|pair| pair[1] > 0.98 * pair[0]), "{corruption:?}: {ladder:?}"),
            }
            assert!(ladder[4] > 0.02, "{corruption:?}: {ladder:?}");
        }
    }
}

#[test]
fn the_values_of_the_definitions() {
    let one_row = |width: usize| Shape { channels: 1, height: 1, width };
    let mut image = [0.0f32, 1.0];
    digital::contrast(&mut image, 0.5);
    assert_eq!(image, [0.25, 0.75]);
    let mut grey = vec![0.8f32; GREY.size()];
    corrupt(Brightness, 3, 0, 0, GREY, &mut grey);
    assert!(grey.iter().all(|value| *value == 1.0));
    let before = picture(GREY, 0);
    let mut image = before.clone();
    noise::impulse(&mut image, 0.0, &mut Generator::new(0, "impulse"));
    assert_eq!(image, before);
    // A fifth of a point's light on each of five pixels; over the border nothing comes in.
    let mut line = [0.0f32, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0];
    blur::horizontal(&mut line, one_row(8), 5);
    assert!(line.iter().zip([0.0, 0.2, 0.2, 0.2, 0.2, 0.4, 0.2, 0.2]).all(|(a, b)| (a - b).abs() < 1e-6), "{line:?}");
    // Halves: each pixel of the smaller image is the mean of four.
    let square = Shape { channels: 1, height: 4, width: 4 };
    let mut image: Vec<f32> = (0..16).map(|at| at as f32 / 16.0).collect();
    digital::pixelate(&mut image, square, 0.5);
    assert_eq!(image[..4], [2.5 / 16.0, 2.5 / 16.0, 4.5 / 16.0, 4.5 / 16.0]);
    let mut pixel = [0.4f32, 0.2, 0.0];
    digital::brightness(&mut pixel, Shape { channels: 3, height: 1, width: 1 }, 0.2);
    assert!(pixel.iter().zip([0.6, 0.3, 0.0]).all(|(a, b)| (a - b).abs() < 1e-6), "{pixel:?}");
    let (ab, size) = (|at| Border::Reflect.place(at, 3), |at| Border::Reflect101.place(at, 3));
    assert_eq!([-2, -1, 0, 2, 3, 4].map(ab), [1, 0, 0, 2, 2, 1]);
    assert_eq!([-2, -1, 0, 2, 3, 4].map(size), [2, 1, 0, 2, 1, 0]);
}

use blur::Border;

#[test]
fn noise_has_the_moments_of_its_definition() {
    let flat = |value: f32| vec![value; GREY.size()];
    let over_images = |corruption, severity, value| {
        let mut all = Vec::new();
        for number in 0..40 {
            let mut image = flat(value);
            corrupt(corruption, severity, 1, number, GREY, &mut image);
            all.extend(image);
        }
        mean_and_deviation(&all)
    };
    let (mean, deviation) = over_images(GaussianNoise, 1, 0.5);
    assert!((mean - 0.5).abs() < 0.002 && (deviation - 0.08).abs() < 0.002, "{mean} {deviation}");
    // Poisson of 30 photons: deviation is the root of 0.5 / 60.
    let (mean, deviation) = over_images(ShotNoise, 1, 0.5);
    assert!((mean - 0.5).abs() < 0.003 && (deviation - (0.5f32 / 60.0).sqrt()).abs() < 0.003, "{mean} {deviation}");
    // A share of 0.27 is 0 or 1: the mean of 0.2 moves to 0.73 * 0.2 + 0.135.
    let (mean, _) = over_images(ImpulseNoise, 5, 0.2);
    assert!((mean - 0.281).abs() < 0.005, "{mean}");
    let mut image = flat(0.3);
    corrupt(ImpulseNoise, 5, 1, 0, GREY, &mut image);
    assert!(image.iter().all(|value| [0.0, 0.3, 1.0].contains(value)));
}

#[test]
fn blur_keeps_the_light_and_takes_the_detail() {
    for (shape, corruptions) in [(GREY, &[GaussianBlur, Pixelate][..]), (COLOUR, &[DefocusBlur, MotionBlur, GlassBlur, Pixelate, Jpeg][..])]
    {
        for corruption in corruptions {
            let (before, after) = (picture(shape, 2), corrupted(*corruption, 5, shape, 2));
            let ((mean, deviation), (new_mean, new_deviation)) = (mean_and_deviation(&before), mean_and_deviation(&after));
            assert!((mean - new_mean).abs() < 0.02, "{corruption:?}: {mean} {new_mean}");
            assert!(new_deviation < deviation + 0.002, "{corruption:?}: {deviation} {new_deviation}");
        }
    }
    // A flat image has no detail to take.
    for corruption in [DefocusBlur, MotionBlur, ZoomBlur, GlassBlur, Pixelate, Jpeg, Elastic, Contrast] {
        let mut flat = vec![102.0 / 255.0; COLOUR.size()];
        corrupt(corruption, 5, 0, 0, COLOUR, &mut flat);
        assert!(flat.iter().all(|value| (value - 0.4).abs() < 1.5 / 255.0), "{corruption:?}");
    }
}

#[test]
fn weather_brightens_and_contrast_shrinks_the_range() {
    for corruption in [Snow, Frost, Brightness] {
        let (before, _) = mean_and_deviation(&picture(COLOUR, 1));
        let (after, _) = mean_and_deviation(&corrupted(corruption, 4, COLOUR, 1));
        assert!(after > before + 0.02, "{corruption:?}: {before} {after}");
    }
    let (_, before) = mean_and_deviation(&picture(GREY, 1));
    let (_, after) = mean_and_deviation(&corrupted(Contrast, 5, GREY, 1));
    assert!((after / before - 0.15).abs() < 0.01);
    let (_, fogged) = mean_and_deviation(&corrupted(Fog, 5, GREY, 1));
    assert!(fogged < before);
}

#[test]
fn a_better_jpeg_is_nearer_and_its_blocks_are_rounded_to_their_steps() {
    let before = picture(COLOUR, 0);
    let away = |quality: u16| {
        let mut image = before.clone();
        digital::jpeg(&mut image, COLOUR, quality);
        distance(&image, &before)
    };
    assert!(away(95) < away(50) && away(50) < away(10), "{} {} {}", away(95), away(50), away(10));
    // A grey ramp survives good quality almost as it is: at most a few 255ths away.
    let ramp: Vec<f32> = (0..COLOUR.size()).map(|at| (at % 32 * 8) as f32 / 255.0).collect();
    let mut image = ramp.clone();
    digital::jpeg(&mut image, COLOUR, 100);
    assert!(image.iter().zip(&ramp).all(|(a, b)| (a - b).abs() < 3.0 / 255.0));
}

fn npy(descr: &str, shape: &str, values: &[u8]) -> Vec<u8> {
    let mut header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}");
    while !(10 + header.len() + 1).is_multiple_of(64) {
        header.push(' ');
    }
    header.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(values);
    bytes
}

#[test]
fn published_files_are_read_by_severity_and_number_and_faults_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let folders = [folder.path().to_owned()];
    let labels: Vec<u8> = (0..10_000).map(|at| (at % 10) as u8).collect();
    let open = |corruptions: &[Corruption]| Official::open(&folders, corruptions, &labels);
    assert!(open(&[Fog]).unwrap_err().to_string().contains("https://zenodo.org/records/2535967"));
    let place = folder.path().join("CIFAR-10-C");
    std::fs::create_dir(&place).unwrap();
    std::fs::write(place.join("labels.npy"), npy("|u1", "(50000,)", &labels.repeat(5))).unwrap();
    assert!(open(&[Fog]).unwrap_err().to_string().contains("fog.npy"));
    // The file in its real layout, sparse but for two images: number 7 of severity 1 and of severity 4.
    let path = place.join("fog.npy");
    std::fs::write(&path, npy("|u1", "(50000, 32, 32, 3)", &[])).unwrap();
    let header = std::fs::metadata(&path).unwrap().len();
    let mut file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.set_len(header + 50_000 * 3072).unwrap();
    for (severity, first) in [(0u64, 10u8), (3, 100)] {
        use std::io::{Seek, SeekFrom, Write};
        file.seek(SeekFrom::Start(header + (severity * 10_000 + 7) * 3072)).unwrap();
        let pixels: Vec<u8> = (0..3072u32).map(|at| first + (at % 3) as u8 + (at / 3 % 5) as u8).collect();
        file.write_all(&pixels).unwrap();
    }
    let official = open(&[Fog]).unwrap();
    let images = official.images(Fog, 4, &[6, 7]).unwrap();
    assert!(images[..3072].iter().all(|value| *value == 0.0));
    let pixel = |channel: usize, at: usize| (images[3072 + channel * 1024 + at] * 255.0).round();
    assert_eq!([pixel(0, 0), pixel(1, 0), pixel(2, 0), pixel(0, 3), pixel(2, 1023)], [100.0, 101.0, 102.0, 103.0, 105.0]);
    assert_eq!((official.images(Fog, 1, &[7]).unwrap()[0] * 255.0).round(), 10.0);
    let other = Official::open(&folders, &[Fog], &vec![1; 10_000]).unwrap_err().to_string();
    assert!(other.contains("must repeat the labels"), "{other}");
    std::fs::write(&path, npy("<f4", "(50000, 32, 32, 3)", &[])).unwrap();
    assert!(open(&[Fog]).unwrap_err().to_string().contains("not bytes in row-major order"));
    std::fs::write(&path, npy("|u1", "(10, 32, 32, 3)", &[])).unwrap();
    assert!(open(&[Fog]).unwrap_err().to_string().contains("it is [10, 32, 32, 3]"));
}

#[test]
fn bundled_digits_can_be_corrupted_too() {
    let digits = datasets::load("digits", &[]).unwrap();
    let shape = Shape { channels: 1, height: 8, width: 8 };
    let clean: Vec<f32> = digits.test.images[..64].iter().map(|pixel| f32::from(*pixel) / 16.0).collect();
    for corruption in Corruption::GREY {
        let mut image = clean.clone();
        corrupt(corruption, 5, 0, 0, shape, &mut image);
        assert!(distance(&image, &clean) > 0.05, "{corruption:?}");
    }
}
