//! How many threads training uses.

/// Stack of a thread that trains, as large as that of a main thread twice; deep graphs are freed recursively.
const STACK: usize = 16 << 20;

/// Sets the thread pools of a training process. Must be the first lines of `main`, before any other thread exists.
///
/// `threads` is the size of rayon's pool; without it every core is used. candle's own pool is held at one thread, for it
/// spin-waits and our kernels run on rayon. Errors: a pool exists already.
pub fn configure(threads: Option<usize>) -> anyhow::Result<()> {
    // SAFETY: writing the environment is unsound only while another thread may read it, and this is called before any is started.
    unsafe { std::env::set_var("CANDLE_NUM_THREADS", "1") };
    let pool = rayon::ThreadPoolBuilder::new().thread_name(|index| format!("train-{index}")).stack_size(STACK);
    // Zero means one thread a core, to rayon as to us.
    let pool = pool.num_threads(threads.unwrap_or(0));
    pool.build_global()?;
    Ok(())
}
