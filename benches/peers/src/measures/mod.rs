//! The measures: what is done to each engine, and which row a figure belongs to.
//!
//! Owns: [`Bench`], what all measures share, and the order of a round. The rooms below it: `loaded` (what
//! is asked of one loaded database: `bulk`, `size`, `open`, `queries`, `drop`), `durable` (`floor`,
//! `single`, `threads`), `small` (`kiosk`), `growth` (`growth`), `wear` (`wear`), and `child`
//! (`memory`, and what only a process of its own can do).

pub(crate) mod child;
mod durable;
mod growth;
mod loaded;
mod small;
mod wear;

use std::collections::HashMap;
use std::path::PathBuf;

use clap::ValueEnum;

use crate::engines::Engine;
use crate::machine::{self, Result};
use crate::question::{Answer, Question};
use crate::source::{Source, Survey};
use crate::table::Table;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Measure {
    Floor,
    Bulk,
    Size,
    Kiosk,
    Single,
    Threads,
    Queries,
    Open,
    Drop,
    Memory,
    Wear,
    Growth,
}

pub(crate) struct Bench {
    pub(crate) source: Source,
    pub(crate) survey: Survey,
    pub(crate) engines: Vec<Box<dyn Engine>>,
    pub(crate) measures: Vec<Measure>,
    pub(crate) work: PathBuf,
    pub(crate) table: Table,
    /// The first answer to each question, and who gave it.
    pub(crate) answers: HashMap<String, (&'static str, Answer)>,
}

/// A part of a round.
type Part = fn(&mut Bench) -> Result<()>;

impl Bench {
    fn wants(&self, measures: &[Measure]) -> bool {
        measures.iter().any(|measure| self.measures.contains(measure))
    }

    /// One round: every measure, and for each measure every engine.
    pub(crate) fn round(&mut self) -> Result<()> {
        use Measure::{
            Bulk, Drop, Floor, Growth, Kiosk, Memory, Open, Queries, Single, Size, Threads, Wear,
        };
        let parts: [(&[Measure], Part); 8] = [
            (&[Floor], durable::floor),
            (&[Bulk, Size, Open, Queries, Drop], loaded::loaded),
            (&[Single], durable::single),
            (&[Threads], durable::threads),
            (&[Kiosk], small::kiosk),
            (&[Memory], child::memory),
            (&[Wear], wear::wear),
            (&[Growth], growth::growth),
        ];
        for (measures, part) in parts {
            if self.wants(measures) {
                machine::settle();
                part(self)?;
            }
        }
        Ok(())
    }

    /// Notes an answer, or compares it with that of the engine that was asked first.
    fn check(&mut self, engine: &'static str, question: &Question, answer: Answer) -> Result<()> {
        match self.answers.get(&question.key()) {
            None => {
                self.answers.insert(question.key(), (engine, answer));
                Ok(())
            }
            Some((_, first)) if *first == answer => Ok(()),
            Some((other, first)) => {
                let brief =
                    |answer: &Answer| format!("{answer:?}").chars().take(200).collect::<String>();
                let (ours, theirs) = (brief(&answer), brief(first));
                Err(format!(
                    "{}: {engine} and {other} disagree about {question:?}\n{engine}: {ours}\n\
                     {other}: {theirs}",
                    question.name()
                )
                .into())
            }
        }
    }

    /// Does something to each engine in turn, with an empty directory of its own.
    fn each(
        &mut self,
        mut work: impl FnMut(&mut Self, &mut dyn Engine, &std::path::Path) -> Result<()>,
    ) -> Result<()> {
        let mut engines = std::mem::take(&mut self.engines);
        let mut done = Ok(());
        for engine in &mut engines {
            let name = engine.name();
            let at = self.work.join(name);
            done = machine::fresh(&at)
                .and_then(|()| work(self, engine.as_mut(), &at))
                .map_err(|error| format!("{name}: {error}").into());
            std::fs::remove_dir_all(&at)?;
            machine::settle();
            if done.is_err() {
                break;
            }
        }
        self.engines = engines;
        done
    }
}
