//! The commands `completions` and `man`.
//!
//! Owns: what is generated from the command line's own description, so that it cannot differ from it. Does
//! not own that description (`args`).

use std::io::Write;

use clap::CommandFactory;

use crate::args::Arguments;
use crate::args::complete::{CompletionsArguments, ManArguments};
use crate::failure::{Failure, Outcome};

pub(crate) fn completions(
    arguments: &CompletionsArguments,
    out: &mut dyn Write,
) -> Result<Outcome, Failure> {
    // In memory first: the generator does not say that its output was closed.
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Arguments::command(), "diurnal", &mut script);
    out.write_all(&script)?;
    Ok(Outcome::Done)
}

pub(crate) fn man(arguments: &ManArguments, out: &mut dyn Write) -> Result<Outcome, Failure> {
    let program = Arguments::command().disable_help_subcommand(true);
    match &arguments.directory {
        None => clap_mangen::Man::new(program).render(out)?,
        Some(directory) => std::fs::create_dir_all(directory)
            .and_then(|()| clap_mangen::generate_to(program, directory))
            .map_err(|error| Failure::file("write the manual to", directory, &error))?,
    }
    Ok(Outcome::Done)
}
