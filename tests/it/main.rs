//! Goal: the claims of the project, tested through its public interface alone. Method: one binary, so
//! that the crate is linked once; each module opens with its own goal and method.

#[cfg(feature = "cli")]
mod cli;
