//! Rows in order, as columns hold them: for figures that are computed from many events.
//!
//! Owns: [`scan`], which shows each matching row to a visitor; [`arrivals`], which shows them as they arrived;
//! [`Row`], borrowed from decoded columns; and [`Words`], in which every session id, type and tag that was met
//! has a number. Does not own the order of rows (`hits`), nor what is computed (`analysis`).
//!
//! Invariants: rows come in the order of (server time, id), or of (day, ordinal) where they come as they
//! arrived; only the columns that were asked for are decoded; memory is bounded by [`PAGES_AHEAD`] pages of
//! [`PAGE_ROWS`] rows in [`PAGE_BLOCKS`] blocks and by the words, not by the events. From the [`PAGES_ALONE`]th
//! page of [`scan`] on a second thread reads ahead; it lives as long as the scan.

use std::collections::{HashMap, VecDeque};
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

use crate::codec::columns::{Column, ColumnKind};
use crate::day::contents::BlockEntry;
use crate::day::view::DayView;
use crate::error::{Error, Result};
use crate::event::{EventId, Location};
use crate::query::aggregate;
use crate::query::hits::{Hits, Position, Wanted};
use crate::query::plan::Plan;
use crate::query::{Filter, Query};
use crate::snapshot::Snapshot;
use crate::time::{Day, Timestamp};

/// Rows that are read before the next are looked for.
const PAGE_ROWS: usize = 1 << 14;

/// Blocks that a page's rows lie in at most: rows that arrived out of order lie in many.
const PAGE_BLOCKS: usize = 8;

/// Pages that wait for the visitor.
const PAGES_AHEAD: usize = 2;

/// Pages that are read before a second thread is worth its start.
const PAGES_ALONE: usize = 3;

/// The number of a word among the [`Words`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Symbol(u32);

impl Symbol {
    /// The symbol of this index.
    pub(crate) fn at(index: usize) -> Self {
        Self(index as u32)
    }

    /// Numbers count from 0 in the order in which words were met.
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

/// Words of one kind, each with a number.
#[derive(Debug, Default)]
pub(crate) struct Symbols {
    numbers: HashMap<Arc<str>, u32>,
    words: Vec<Arc<str>>,
}

impl Symbols {
    /// The word's number, given to it where it has none.
    pub(crate) fn intern(&mut self, word: &str) -> Symbol {
        if let Some(number) = self.numbers.get(word) {
            return Symbol(*number);
        }
        let number = self.words.len() as u32;
        let word: Arc<str> = word.into();
        self.words.push(word.clone());
        self.numbers.insert(word, number);
        Symbol(number)
    }

    /// The word's number, where it has one.
    pub(crate) fn find(&self, word: &str) -> Option<Symbol> {
        self.numbers.get(word).copied().map(Symbol)
    }

    /// The word of a number that was given here.
    pub(crate) fn word(&self, symbol: Symbol) -> &str {
        self.word_at(symbol.index())
    }

    /// The word of this number.
    pub(crate) fn word_at(&self, number: usize) -> &str {
        self.words.get(number).map_or("", |word| word)
    }

    /// Every word, by its number.
    pub(crate) fn words(&self) -> impl Iterator<Item = &str> {
        self.words.iter().map(|word| &**word)
    }

    /// The numbers of all words.
    pub(crate) fn all(&self) -> impl Iterator<Item = Symbol> + use<> {
        (0..self.words.len() as u32).map(Symbol)
    }

    /// How many words there are.
    pub(crate) fn len(&self) -> usize {
        self.words.len()
    }
}

/// Every word that was met.
#[derive(Debug, Default)]
pub(crate) struct Words {
    pub(crate) sessions: Symbols,
    pub(crate) types: Symbols,
    pub(crate) tags: Symbols,
}

/// One row, and its neighbours' columns.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row<'a> {
    pub(crate) id: EventId,
    pub(crate) server_time: Timestamp,
    pub(crate) session: Symbol,
    pub(crate) event_type: Symbol,
    block: &'a Block,
    tag_symbols: &'a [Symbol],
    row: usize,
}

impl<'a> Row<'a> {
    /// Its tags in the order given, repeats included; none unless `Tags` was asked for.
    pub(crate) fn tags(&self) -> impl Iterator<Item = Symbol> + use<'a> {
        let codes = match self.block.find(ColumnKind::Tags) {
            Some(Column::Tags(tags)) => tags.codes(self.row),
            _ => &[],
        };
        let symbols = self.tag_symbols;
        codes.iter().filter_map(|code| symbols.get(*code as usize).copied())
    }

    /// Its location, where it has one and `Location` was asked for.
    pub(crate) fn location(&self) -> Option<Location> {
        self.block.find(ColumnKind::Location)?.location(self.row)
    }

    /// What the client's clock showed, where that can be read and `ClientTime` was asked for.
    pub(crate) fn client_instant(&self) -> Option<Timestamp> {
        self.block.find(ColumnKind::ClientTime)?.client_instant(self.row)
    }

    /// Whether the client told its time, readable or not, where `ClientTime` was asked for.
    pub(crate) fn has_client_time(&self) -> bool {
        match self.block.find(ColumnKind::ClientTime) {
            Some(Column::ClientTime(times)) => times.is_told(self.row),
            _ => false,
        }
    }

    /// Its data, where it has any and `Data` was asked for.
    pub(crate) fn data(&self) -> Option<&'a str> {
        self.block.find(ColumnKind::Data)?.text(self.row)
    }
}

/// Decoded columns of a block.
#[derive(Debug)]
struct Block {
    /// The ordinal of its first row.
    first: u32,
    /// By kind; absent where not asked for.
    columns: [Option<Arc<Column>>; 7],
}

impl Block {
    fn read(view: &DayView, block: &BlockEntry, kinds: &[ColumnKind]) -> Result<Self> {
        let decoded = view.some_columns(block, kinds)?;
        let mut columns = [const { None }; 7];
        for (kind, column) in kinds.iter().zip(decoded) {
            columns[*kind as usize] = Some(column);
        }
        Ok(Self { first: block.first, columns })
    }

    fn find(&self, kind: ColumnKind) -> Option<&Column> {
        self.columns[kind as usize].as_deref()
    }
}

/// Rows of one day, and the blocks that hold them.
struct Page {
    day: Day,
    /// In order, each with the place of its block.
    rows: Vec<(Position, usize)>,
    blocks: Vec<Block>,
}

/// The pages of a scan, one after the other.
struct Pages {
    hits: Hits,
    kinds: Vec<ColumnKind>,
    day: Option<OpenDay>,
}

/// A day, and rows of it that no page has yet.
struct OpenDay {
    view: Arc<DayView>,
    rows: VecDeque<Position>,
}

/// Shows every matching row to `visit`, in order, with the columns of `more` besides session, type and
/// server time.
pub(crate) fn scan(
    snapshot: &Snapshot,
    filter: &Filter,
    more: &[ColumnKind],
    words: &mut Words,
    mut visit: impl FnMut(&Row<'_>) -> Result<()>,
) -> Result<()> {
    let hits = Hits::new(snapshot.clone(), &Query::from(filter.clone()), Wanted::Places)?;
    let mut kinds = vec![ColumnKind::Session, ColumnKind::EventType];
    kinds.extend(more.iter().filter(|kind| **kind > ColumnKind::ServerTime));
    let mut pages = Pages { hits, kinds, day: None };
    for _ in 0..PAGES_ALONE {
        let Some(page) = pages.next_page()? else { return Ok(()) };
        page.show(words, &mut visit)?;
    }
    thread::scope(|scope| {
        let (sender, receiver) = sync_channel(PAGES_AHEAD);
        let reader = scope.spawn(move || pages.send_all(&sender));
        // The receiver is dropped at the end, also of a visit that failed, and so the reader ends.
        let mut received = receiver.into_iter();
        let shown = received.try_for_each(|page: Result<Page>| page?.show(words, &mut visit));
        drop(received);
        match reader.join() {
            Ok(()) => shown,
            Err(panic) => resume_unwind(panic),
        }
    })
}

/// As [`scan`], in the order in which rows arrived on each day.
pub(crate) fn arrivals(
    snapshot: &Snapshot,
    filter: &Filter,
    more: &[ColumnKind],
    words: &mut Words,
    mut visit: impl FnMut(&Row<'_>) -> Result<()>,
) -> Result<()> {
    let kinds = [&[ColumnKind::ServerTime, ColumnKind::Session, ColumnKind::EventType], more];
    let kinds = kinds.concat();
    aggregate::each_match(snapshot, &Plan::new(filter)?, |view, part, matches| {
        for entry in view.open(part)?.blocks() {
            let start = entry.first - part.first;
            let rows = start..start + entry.rows;
            if matches.range_len(rows.clone()) == 0 {
                continue;
            }
            let block = Block::read(view, entry, &kinds)?;
            let times = block.find(ColumnKind::ServerTime);
            let place = |row: u32| {
                let time = times?.time((row - start) as usize)?;
                Some((Position { time, ordinal: part.first + row }, 0))
            };
            let rows = matches.iter_in(rows).filter_map(place).collect();
            Page { day: view.day, rows, blocks: vec![block] }.show(words, &mut visit)?;
        }
        Ok(())
    })
}

impl Pages {
    /// Sends every page, and the error that ends them, to somebody who may have left.
    fn send_all(mut self, sender: &SyncSender<Result<Page>>) {
        while let Some(page) = self.next_page().transpose() {
            let failed = page.is_err();
            if sender.send(page).is_err() || failed {
                return;
            }
        }
    }

    fn next_page(&mut self) -> Result<Option<Page>> {
        if self.day.as_ref().is_none_or(|day| day.rows.is_empty()) {
            let Some((view, rows)) = self.hits.next_places(PAGE_ROWS)? else { return Ok(None) };
            self.day = Some(OpenDay { view, rows: rows.into() });
        }
        let Some(day) = &mut self.day else { return Ok(None) };
        day.next_page(&self.kinds).map(Some)
    }
}

impl OpenDay {
    fn next_page(&mut self, kinds: &[ColumnKind]) -> Result<Page> {
        let view = self.view.clone();
        let mut page = Page { day: view.day, rows: Vec::new(), blocks: Vec::new() };
        let mut held: Vec<BlockEntry> = Vec::new();
        let mut last = 0;
        while let Some(&position) = self.rows.front() {
            let holds = |block: &BlockEntry| (block.first..block.end()).contains(&position.ordinal);
            if !held.get(last).is_some_and(&holds) {
                last = match held.iter().position(&holds) {
                    Some(place) => place,
                    None if held.len() == PAGE_BLOCKS => break,
                    None => {
                        held.push(view.block_of(position.ordinal)?);
                        held.len() - 1
                    }
                };
            }
            page.rows.push((position, last));
            self.rows.pop_front();
        }
        let blocks = held.iter().map(|block| Block::read(&view, block, kinds));
        page.blocks = blocks.collect::<Result<_>>()?;
        Ok(page)
    }
}

/// What a block's codes stand for.
struct Translation {
    sessions: Vec<Symbol>,
    types: Vec<Symbol>,
    tags: Vec<Symbol>,
}

impl Page {
    fn show(
        &self,
        words: &mut Words,
        visit: &mut impl FnMut(&Row<'_>) -> Result<()>,
    ) -> Result<()> {
        let translated: Vec<_> =
            self.blocks.iter().map(|block| Translation::new(block, words)).collect();
        for (position, place) in &self.rows {
            let (block, translation) = (&self.blocks[*place], &translated[*place]);
            let row = (position.ordinal - block.first) as usize;
            let symbol = |kind, symbols: &[Symbol]| {
                let code = match block.find(kind) {
                    Some(Column::Session(names) | Column::EventType(names)) => names.codes.get(row),
                    _ => None,
                };
                let symbol = code.and_then(|code| symbols.get(*code as usize)).copied();
                symbol.ok_or_else(|| Error::corrupt("a row without a name").on_day(self.day))
            };
            visit(&Row {
                id: EventId::new(self.day, position.ordinal),
                server_time: position.time,
                session: symbol(ColumnKind::Session, &translation.sessions)?,
                event_type: symbol(ColumnKind::EventType, &translation.types)?,
                block,
                tag_symbols: &translation.tags,
                row,
            })?;
        }
        Ok(())
    }
}

impl Translation {
    fn new(block: &Block, words: &mut Words) -> Self {
        let translate = |kind, symbols: &mut Symbols| {
            let names = match block.find(kind) {
                Some(Column::Session(names) | Column::EventType(names)) => &names.dictionary,
                Some(Column::Tags(tags)) => &tags.dictionary,
                _ => return Vec::new(),
            };
            (0..names.len()).map(|code| symbols.intern(names.get(code))).collect()
        };
        Self {
            sessions: translate(ColumnKind::Session, &mut words.sessions),
            types: translate(ColumnKind::EventType, &mut words.types),
            tags: translate(ColumnKind::Tags, &mut words.tags),
        }
    }
}
