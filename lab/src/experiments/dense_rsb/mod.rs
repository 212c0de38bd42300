//! Dense associative memories, in which P spins interact at a time: where crosstalk turns them into a spin glass, by replica theory.
//!
//! Sources: Gardner (1987), J. Phys. A 20:3453; Albanese, Alemanno, Alessandrelli, Barra (2021), arXiv 2111.12997.

pub mod theory;
