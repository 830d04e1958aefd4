//! What `completions` and `man` take.
//!
//! Owns: their options and help. Does not own what is generated.

use std::path::PathBuf;

use clap::Args;
use clap_complete::Shell;

#[derive(Debug, Args)]
#[command(after_help = "\
Where a shell looks for them:

  diurnal completions bash > ~/.local/share/bash-completion/completions/diurnal
  diurnal completions zsh > \"${fpath[1]}/_diurnal\"
  diurnal completions fish > ~/.config/fish/completions/diurnal.fish")]
pub(crate) struct CompletionsArguments {
    /// The shell.
    pub(crate) shell: Shell,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Without a directory the page of the program itself is printed.

  diurnal man > diurnal.1
  diurnal man ~/.local/share/man/man1")]
pub(crate) struct ManArguments {
    /// Where to write a page for the program and for each command; made if absent.
    pub(crate) directory: Option<PathBuf>,
}
