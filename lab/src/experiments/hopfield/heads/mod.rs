//! Kind `heads`: a deep attention net is trained here, and the patterns over which its heads average are counted layer by layer.
//!
//! The paper counts them in a language model that was trained elsewhere by filling in hidden words: its first layers mostly average over
//! nearly all tokens, later ones over few. Here the tokens are patches of images, some of them hidden, which is the same task on data that
//! fit on two cores. Source: Ramsauer et al. (2020), section 2 (analysis of transformer heads).

pub mod config;
pub mod model;
pub mod patches;
pub mod spread;

use super::layers::{AdamW, clip};
use crate::{
    Checkpoint, Lab, Recorder, Result,
    experiments::{
        divergence::Broken,
        study::{Study, csv},
    },
    record::Level,
};
use config::HeadsConfig;
use model::{NetShape, PatchNet};
use patches::{Images, Patches};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use spread::{Spread, example};

/// Layers as arms of the series, the first one first.
pub const LAYERS: [&str; 4] = ["layer_1", "layer_2", "layer_3", "layer_4"];
/// Images that one task passes through the net; their gradients are added in order, so that the sum does not depend on threads.
const IMAGES_PER_TASK: usize = 4;
/// Steps between two points of the training loss.
const LOSS_EVERY: u64 = 10;
/// Steps between two evaluations.
const EVALUATE_EVERY: u64 = 50;

/// A run of `heads`.
pub struct HeadStudy {
    config: HeadsConfig,
    images: Images,
    validation: Patches,
    net: PatchNet,
    parameters: Vec<f32>,
    optimiser: AdamW<f32>,
    state: State,
    seed: u64,
}

/// What is saved besides weights.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct State {
    alive: bool,
    losses: f64,
    loss_count: u64,
    validation: f64,
}

/// Mean squared error of the hidden pixels of all images, and how far the heads spread.
struct Evaluation {
    error: f64,
    spread: Spread,
}

impl HeadStudy {
    /// Reads the images and draws the weights. Errors: files missing or corrupt.
    pub fn new(config: &HeadsConfig, lab: &Lab) -> Result<Self> {
        let images = Images::load(config, lab)?;
        let pixels = config.patch_side * config.patch_side;
        let shape = NetShape { tokens: config.tokens(), pixels, width: config.hidden_width, layers: config.layers, heads: config.heads() };
        let net = PatchNet::new(shape);
        Ok(Self {
            validation: images.validation(),
            images,
            parameters: net.start(lab.seed),
            optimiser: AdamW::new(net.layout.len(), config.weight_decay),
            net,
            state: State { alive: true, losses: 0.0, loss_count: 0, validation: f64::NAN },
            config: config.clone(),
            seed: lab.seed,
        })
    }

    /// The tokens of a few images at a time: pixels and which are hidden.
    fn tasks<'a>(&self, patches: &'a Patches) -> Vec<(&'a [f32], &'a [bool])> {
        let tokens = IMAGES_PER_TASK * self.net.shape.tokens;
        patches.pixels.chunks(tokens * self.net.shape.pixels).zip(patches.hidden.chunks(tokens)).collect()
    }

    /// Number of hidden pixels.
    fn hidden_pixels(&self, patches: &Patches) -> f64 {
        (patches.hidden.iter().filter(|hidden| **hidden).count() * self.net.shape.pixels) as f64
    }

    /// An optimiser step; where loss or gradient is not finite there is none, and there will be none.
    fn train(&mut self, batch: &Patches) -> Option<Broken> {
        let count = self.hidden_pixels(batch);
        let (net, parameters) = (&self.net, &self.parameters);
        let parts: Vec<(f64, Vec<f32>)> = self
            .tasks(batch)
            .into_par_iter()
            .map(|(pixels, hidden)| {
                let passed = net.forward(parameters, pixels, hidden);
                let (error, d_predicted) = passed.squared_error(pixels, hidden, 1.0 / count);
                let mut gradient = vec![0.0; parameters.len()];
                net.backward(parameters, &passed, &d_predicted, pixels, hidden, &mut gradient);
                (error, gradient)
            })
            .collect();
        let loss = parts.iter().map(|(error, _)| error).sum::<f64>() / count;
        let mut gradient = vec![0.0; self.parameters.len()];
        parts.iter().for_each(|(_, part)| gradient.iter_mut().zip(part).for_each(|(sum, value)| *sum += *value));
        let norm = clip(&mut gradient, 1.0);
        self.state.losses += loss;
        self.state.loss_count += 1;
        if loss.is_finite() && norm.is_finite() {
            self.optimiser.update(&mut self.parameters, &gradient, self.config.learning_rate);
            return None;
        }
        self.state.alive = false;
        let (net, parameters) = (&self.net, &self.parameters);
        let broken = |(pixels, hidden)| net.first_broken(parameters, pixels, &net.forward(parameters, pixels, hidden));
        let passed = self.tasks(batch).into_iter().find_map(broken);
        Some(Broken { loss, place: net.layout.place_of_break(passed, parameters, &gradient) })
    }

    fn evaluate(&self, parameters: &[f32], patches: &Patches) -> Evaluation {
        let parts: Vec<(f64, Spread)> = self
            .tasks(patches)
            .into_par_iter()
            .map(|(pixels, hidden)| {
                let passed = self.net.forward(parameters, pixels, hidden);
                let mut spread = Spread::new(&self.config);
                spread.add(&passed, hidden.len() / self.net.shape.tokens);
                (passed.squared_error(pixels, hidden, 0.0).0, spread)
            })
            .collect();
        let mut spread = Spread::new(&self.config);
        parts.iter().for_each(|(_, part)| spread.join(part));
        Evaluation { error: parts.iter().map(|(error, _)| error).sum::<f64>() / self.hidden_pixels(patches), spread }
    }

    /// Squared error of a hidden pixel that is guessed to be what the training images have there on average.
    fn error_of_mean_image(&self, patches: &Patches) -> f64 {
        let (mean, size) = (self.images.mean_image(), self.net.shape.pixels);
        let hidden = patches.hidden.iter().zip(patches.pixels.chunks_exact(size)).enumerate().filter(|(_, (hidden, _))| **hidden);
        let errors = hidden.map(|(at, (_, pixels))| {
            let guess = &mean[at % self.net.shape.tokens * size..][..size];
            pixels.iter().zip(guess).map(|(pixel, guess)| (f64::from(*pixel) - guess).powi(2)).sum::<f64>()
        });
        errors.sum::<f64>() / self.hidden_pixels(patches)
    }

    fn tell(&mut self, out: &mut Recorder) -> Result<()> {
        let found = self.evaluate(&self.parameters, &self.validation);
        self.state.validation = found.error;
        out.point("loss/patches_validation", None, found.error)?;
        for (layer, name) in LAYERS.iter().take(self.config.layers).enumerate() {
            out.point("heads/k90_share", *name, found.spread.of_layer(layer))?;
        }
        out.frame("heads/medians", None, found.spread.medians());
        out.frame("heads/distributions", None, found.spread.distributions());
        let (tokens, size) = (self.net.shape.tokens, self.net.shape.pixels);
        let (pixels, hidden) = (&self.validation.pixels[..tokens * size], &self.validation.hidden[..tokens]);
        let passed = self.net.forward(&self.parameters, pixels, hidden);
        out.frame("heads/attention", None, example(&self.config, &passed, pixels, hidden));
        Ok(())
    }
}

impl Study for HeadStudy {
    fn total_steps(&self) -> u64 {
        self.config.steps
    }

    fn step(&mut self, t: u64, out: &mut Recorder) -> Result<()> {
        if t == 1 {
            let message = format!(
                "{} patches an image, {} of them hidden. Guessing the mean image has a squared error of {:.4} a hidden pixel of the images to \
                 validate on.",
                self.config.tokens(),
                self.config.hidden(),
                self.error_of_mean_image(&self.validation)
            );
            out.log(Level::Info, message);
        }
        if !self.state.alive {
            return Ok(());
        }
        let batch = self.images.batch(t);
        if let Some(broken) = self.train(&batch) {
            out.point("loss/patches", None, broken.point())?;
            out.log(Level::Warning, format!("The net has diverged at step {t} and is trained no further: {}.", broken.told()));
            return Ok(());
        }
        if t.is_multiple_of(LOSS_EVERY) || t == self.config.steps {
            out.point("loss/patches", None, self.state.losses / self.state.loss_count as f64)?;
            (self.state.losses, self.state.loss_count) = (0.0, 0);
        }
        if t == 1 || t.is_multiple_of(EVALUATE_EVERY) || t == self.config.steps {
            self.tell(out)?;
        }
        Ok(())
    }

    fn save(&self, into: &mut Checkpoint) -> Result<()> {
        into.put_f32("heads/parameters", &[self.parameters.len()], &self.parameters)?;
        into.put_state("heads/optimiser", &self.optimiser)?;
        into.put_state("heads/state", &self.state)
    }

    fn restore(&mut self, from: &Checkpoint) -> Result<()> {
        self.parameters = from.get_f32("heads/parameters")?;
        self.optimiser.resume(from.get_state("heads/optimiser")?);
        self.state = from.get_state("heads/state")?;
        Ok(())
    }

    fn finish(&self, out: &mut Recorder) -> Result<()> {
        let test = self.images.test();
        let (begun, ended) = (self.evaluate(&self.net.start(self.seed), &test), self.evaluate(&self.parameters, &test));
        // What a net that diverged looks at means nothing.
        let told = |value: f64| if self.state.alive { value } else { f64::NAN };
        let last = self.config.layers - 1;
        let mut rows = Vec::new();
        for (layer, name) in LAYERS.iter().take(self.config.layers).enumerate() {
            out.summary(format!("heads/k90_share.{name}"), told(ended.spread.of_layer(layer)));
            out.summary(format!("heads/k90_share_at_start.{name}"), begun.spread.of_layer(layer));
            for head in 0..self.config.num_heads {
                let (before, after) = (begun.spread.of_head(layer, head), told(ended.spread.of_head(layer, head)));
                rows.push(format!("{},{},{before},{after}", layer + 1, head + 1));
            }
        }
        let fall = |spread: &Spread| spread.of_layer(0) - spread.of_layer(last);
        out.summary("heads/k90_share.first-last", told(fall(&ended.spread)));
        out.summary("heads/k90_share_at_start.first-last", fall(&begun.spread));
        out.summary("loss/patches_test", told(ended.error));
        out.summary("loss/patches_validation", told(self.state.validation));
        out.summary("loss/patches_test_of_mean_image", self.error_of_mean_image(&test));
        out.artifact("heads.csv", "text/csv", csv("layer,head,median_k90_share_at_start,median_k90_share", rows.into_iter()));
        Ok(())
    }
}
