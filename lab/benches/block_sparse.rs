//! Milliseconds of the block-sparse layer and of whole training steps that use it, beside the same with every weight:
//! `MIMALLOC_PURGE_DELAY=-1 cargo bench --workspace --bench block_sparse`.
//!
//! A layer is 1024 x 1024 on a batch of 128, forward and backward, a quarter of its weights in 16 groups of 64 units. A step is forward,
//! backward and Adam of 784-1024-1024-10, once on a batch of 128 and once of 256. The allocator is that of the program which trains, set
//! as there. The same in PyTorch is `benches/peers/g2gnet.py` at the root of the repository.

use candle_core::{Device, Tensor, Var};
use lab::{
    Lab,
    experiments::g2gnet::{arms::ArmId, config::G2gNetConfig, images::Batch, network::Network},
    kernels::{
        Activation, GradientBuffers, TilePattern, block_sparse_linear, linear,
        matmul::{Destination, Matrix, product},
    },
    random::Generator,
};
use std::{hint::black_box, sync::Arc, time::Instant};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const WIDTH: usize = 1_024;
const BATCH: usize = 128;
const GROUPS: usize = 16;
const FAN_IN: usize = 4;
/// A case is repeated for this long in each of the rounds, in which the cases take turns. The fastest of a round counts, for the others
/// were disturbed, and of the rounds the median.
const SECONDS: f64 = 0.4;
const ROUNDS: usize = 5;

type Work = Box<dyn FnMut() -> candle_core::Result<()>>;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // On a thread of the pool, as training does.
    rayon::scope(|_| measure().map_err(|error| error.to_string()))?;
    Ok(())
}

#[allow(clippy::print_stdout)]
fn measure() -> Result<(), Box<dyn std::error::Error>> {
    let rounds = match std::env::args().skip_while(|argument| argument != "--rounds").nth(1) {
        Some(rounds) => rounds.parse()?,
        None => ROUNDS,
    };
    let ids =
        |interleaved: bool| (0..WIDTH).map(|unit| if interleaved { unit % GROUPS } else { unit * GROUPS / WIDTH }).collect::<Vec<_>>();
    let pattern = |interleaved| TilePattern::new(GROUPS, &ids(interleaved), &ids(interleaved), sources()).map(Arc::new);
    let mut cases: Vec<(&str, Work)> = vec![
        ("layer_dense_products", dense_products()),
        ("layer_tile_products", tile_products(pattern(false)?)),
        ("layer_dense", layer(None)?),
        ("layer_tile", layer(Some(pattern(false)?))?),
        ("layer_tile_interleaved", layer(Some(pattern(true)?))?),
        ("step_dense_128", step(ArmId::Dense, 128)?),
        ("step_tile_128", step(ArmId::Tile, 128)?),
        ("step_dense_256", step(ArmId::Dense, 256)?),
        ("step_tile_256", step(ArmId::Tile, 256)?),
    ];
    let mut times = vec![Vec::new(); cases.len()];
    for _ in 0..rounds {
        for ((_, work), times) in cases.iter_mut().zip(&mut times) {
            times.push(fastest_milliseconds(work)?);
        }
    }
    for ((name, _), times) in cases.iter().zip(&mut times) {
        times.sort_by(f64::total_cmp);
        println!("{name:24} {:8.3} ms", times[times.len() / 2]);
    }
    Ok(())
}

fn fastest_milliseconds(work: &mut Work) -> candle_core::Result<f64> {
    for _ in 0..3 {
        work()?;
    }
    let (begun, mut fastest) = (Instant::now(), f64::INFINITY);
    while begun.elapsed().as_secs_f64() < SECONDS {
        let one = Instant::now();
        work()?;
        fastest = fastest.min(1e3 * one.elapsed().as_secs_f64());
    }
    Ok(fastest)
}

/// Every group is fed by itself and three drawn others.
fn sources() -> Vec<usize> {
    let mut generator = Generator::new(0, "sources");
    let row = |own: usize| {
        let drawn = generator.choose(GROUPS - 1, FAN_IN - 1);
        std::iter::once(own).chain(drawn.into_iter().map(move |other| other + usize::from(other >= own))).collect::<Vec<_>>()
    };
    (0..GROUPS).flat_map(row).collect()
}

/// The three products of a dense layer and nothing else: the least that a dense layer can take.
fn dense_products() -> Work {
    let mut generator = Generator::new(0, "products");
    let mut draw = |n: usize| (0..n).map(|_| generator.symmetric(1.0)).collect::<Vec<f32>>();
    let (x, w, dy) = (draw(BATCH * WIDTH), draw(WIDTH * WIDTH), draw(BATCH * WIDTH));
    let (mut y, mut dw, mut dx) = (vec![0f32; BATCH * WIDTH], vec![0f32; WIDTH * WIDTH], vec![0f32; BATCH * WIDTH]);
    Box::new(move || {
        let (x, w, dy) = (Matrix::new(&x, BATCH, WIDTH), Matrix::new(&w, WIDTH, WIDTH), Matrix::new(&dy, BATCH, WIDTH));
        product(&mut y, Destination::Overwrite, x, w);
        product(&mut dw, Destination::Overwrite, x.transposed(), dy);
        product(&mut dx, Destination::Overwrite, dy, w.transposed());
        Ok(())
    })
}

/// The three products of a layer of tiles and nothing else.
fn tile_products(pattern: Arc<TilePattern>) -> Work {
    let mut generator = Generator::new(0, "products");
    let mut draw = |n: usize| (0..n).map(|_| generator.symmetric(1.0)).collect::<Vec<f32>>();
    let weights = GROUPS * FAN_IN * pattern.tile_size();
    let (x, w, dy, b) = (draw(BATCH * WIDTH), draw(weights), draw(BATCH * WIDTH), vec![0f32; WIDTH]);
    let mut dw = vec![0f32; weights];
    Box::new(move || {
        black_box(pattern.forward(&x, &w, &b, Activation::Identity));
        pattern.weight_gradient(&x, &dy, &mut dw);
        black_box(pattern.input_gradient(&dy, &w));
        Ok(())
    })
}

/// Forward and backward of a layer with ReLU, the gradient of the inputs included.
fn layer(pattern: Option<Arc<TilePattern>>) -> Result<Work, Box<dyn std::error::Error>> {
    let mut generator = Generator::new(0, "layer");
    let mut draw = |shape: &[usize]| generator.normal(shape, 0.05, &Device::Cpu);
    let x = Var::from_tensor(&draw(&[BATCH, WIDTH])?)?;
    let w = match &pattern {
        None => draw(&[WIDTH, WIDTH])?,
        Some(pattern) => {
            let (tiles, rows, columns) = pattern.shape();
            draw(&[tiles, rows, columns])?
        }
    };
    let (w, b) = (Var::from_tensor(&w)?, Var::from_tensor(&draw(&[WIDTH])?)?);
    let (buffers, weights_of_sum) = (GradientBuffers::new(&w, &b, BATCH)?, draw(&[BATCH, WIDTH])?);
    Ok(Box::new(move || {
        let y = match &pattern {
            None => linear(&x, &w, &b, Activation::Relu, Some(&buffers))?,
            Some(pattern) => block_sparse_linear(&x, &w, &b, pattern, Activation::Relu, Some(&buffers))?,
        };
        (y * &weights_of_sum)?.sum_all()?.backward()?;
        Ok(())
    }))
}

fn step(arm: ArmId, batch: usize) -> Result<Work, Box<dyn std::error::Error>> {
    let lab = Lab { device: Device::Cpu, data_folders: Vec::new(), seed: 0 };
    let config =
        G2gNetConfig { hidden_width: WIDTH, batch_size: batch, tile_groups: GROUPS, tile_fan_in: FAN_IN, ..G2gNetConfig::default() };
    let mut network = Network::new(&config, arm, &lab)?;
    let inputs: Tensor = lab.generator("images").normal((batch, 784), 0.3, &Device::Cpu)?.abs()?;
    let batch = Batch { inputs, labels: (0..batch as u32).map(|image| image % 10).collect() };
    let mut one = move || -> lab::Result<()> {
        let forward = network.forward(&batch)?;
        let gradients = forward.loss.backward()?;
        network.update(&gradients, 1e-3)
    };
    Ok(Box::new(move || one().map_err(candle_core::Error::wrap)))
}
